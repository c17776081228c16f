using CsCheck;
using Skipwise.Data;
using Skipwise.Positions;
using Skipwise.Tests.Positions;
using Skipwise.TokenStores;

namespace Skipwise.Tests.Data;

public class PoseDatasetTests
{
    private const int Bos = 999_999;
    private static readonly PoseOptions s_pose = new() { TrainLength = 16, TargetLength = 128 };

    /// <summary>Token k of document d is 1000 d + k: an id tells where it came from.</summary>
    private static TokenList Documents(params int[] lengths) =>
        new([.. lengths.Select((length, d) => Enumerable.Range(1000 * d, length).ToArray())]);

    private static PoseDataset Dataset(PoseOptions? pose = null, int? bosId = null, ulong seed = 1, params int[] lengths) =>
        new(Documents(lengths.Length > 0 ? lengths : [40, 50, 60, 70, 80]), pose ?? s_pose, seed, bosId, minDocumentTokens: 2);

    private static string Written(TrainingExample example) =>
        $"{string.Join(' ', example.InputIds)}|{string.Join(' ', example.PositionIds)}|{string.Join(' ', example.Labels)}";

    private static IEnumerable<string> Epoch(PoseDataset data, int epoch) =>
        Enumerable.Range(0, data.Count).Select(i => Written(data[epoch, i]));

    [Fact]
    public void Every_epoch_shows_every_document_once_in_another_order()
    {
        PoseDataset data = Dataset(lengths: [.. Enumerable.Repeat(30, 50)]);
        int[] Order(int epoch) => [.. Enumerable.Range(0, data.Count).Select(i => data[epoch, i].InputIds[0] / 1000)];
        Assert.Equal(Enumerable.Range(0, 50), Order(0).Order());
        Assert.Equal(Enumerable.Range(0, 50), Order(1).Order());
        Assert.NotEqual(Order(0), Order(1));
        Assert.NotEqual(Enumerable.Range(0, 50), Order(0));
    }

    [Fact]
    public void An_example_depends_on_seed_epoch_and_index_alone()
    {
        PoseDataset first = Dataset(), second = Dataset();
        string[] forwards = [.. Epoch(first, 0), .. Epoch(first, 1), .. Epoch(first, 2)];
        // read in another order, from another object: epochs two apart share a cached order's place
        string[] backwards = [.. Epoch(second, 2), .. Epoch(second, 1), .. Epoch(second, 0)];
        string[] reordered = [.. backwards[10..], .. backwards[5..10], .. backwards[..5]];
        Assert.Equal(forwards, reordered);
        Assert.NotEqual(Epoch(first, 0), Epoch(Dataset(seed: 2), 0));
    }

    [Fact]
    public void Positions_are_redrawn_every_epoch()
    {
        PoseDataset data = Dataset(lengths: [100]);
        string[] plans = [.. Enumerable.Range(0, 20).Select(epoch => string.Join(' ', data[epoch, 0].PositionIds)).Distinct()];
        Assert.InRange(plans.Length, 18, 20); // 15 cuts x 113 skips: two of twenty may meet by chance
    }

    [Fact]
    public async Task Threads_see_the_same_examples()
    {
        PoseDataset data = Dataset(lengths: [.. Enumerable.Repeat(60, 30)]);
        string[] expected = [.. Enumerable.Range(0, 6).SelectMany(epoch => Epoch(Dataset(lengths: [.. Enumerable.Repeat(60, 30)]), epoch))];
        string[][] found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
            Enumerable.Range(0, 6).SelectMany(epoch => Epoch(data, epoch)).ToArray())));
        Assert.All(found, examples => Assert.Equal(expected, examples));
    }

    [Fact]
    public void Tokens_are_those_of_the_plan() =>
        Gen.Select(AnyPose.Options, Gen.Int[2, 200], Gen.ULong, Gen.Bool).Sample((pose, length, seed, withBos) =>
        {
            PoseDataset data = Dataset(pose, withBos ? Bos : null, seed, length);
            TrainingExample example = data[3, 0];
            PositionPlan plan = data.Plan(3, 0).Plan;
            int lead = withBos ? 1 : 0;
            Assert.Equal(Math.Min(length + lead, pose.Mode == PositionMode.Full ? pose.TargetLength : pose.TrainLength),
                example.InputIds.Length);
            Assert.Equal(plan.PositionIds(), example.PositionIds);
            Assert.Equal(example.InputIds, example.Labels);
            Assert.Equal(plan.ContentIndices().Skip(lead).Select(index => index - lead), example.InputIds.Skip(lead));
            if (withBos)
            {
                Assert.Equal(Bos, example.InputIds[0]);
                Assert.Single(example.InputIds, id => id == Bos);
            }
            if (pose.Mode != PositionMode.RandPos)
            {
                Assert.Equal(0, example.PositionIds[0]);
            }
        });

    [Fact]
    public void Bos_stands_before_the_documents_first_token()
    {
        TrainingExample example = Dataset(s_pose with { Mode = PositionMode.Short }, Bos, lengths: [40])[0, 0];
        Assert.Equal([Bos, .. Enumerable.Range(0, 15)], example.InputIds);
        Assert.Equal(Enumerable.Range(0, 16), example.PositionIds);
    }

    [Fact]
    public void Seams_are_masked_when_asked_for()
    {
        PoseDataset data = Dataset(s_pose with { Chunks = 4, MaskSeams = true }, lengths: [500]);
        for (int epoch = 0; epoch < 50; epoch++)
        {
            TrainingExample example = data[epoch, 0];
            int[] seams = [.. data.Plan(epoch, 0).Plan.Chunks.Take(3).Select(chunk => chunk.Length)];
            int[] masked = [seams[0], seams[0] + seams[1], seams[0] + seams[1] + seams[2]];
            for (int t = 0; t < 16; t++)
            {
                Assert.Equal(masked.Contains(t) ? TrainingExample.IgnoreIndex : example.InputIds[t], example.Labels[t]);
            }
        }
        // every token of RandPos is a seam: masking them would leave nothing to learn
        TrainingExample baseline = Dataset(s_pose with { Mode = PositionMode.RandPos, MaskSeams = true })[0, 0];
        Assert.Equal(baseline.InputIds, baseline.Labels);
    }

    [Fact]
    public void Chunks_split_behind_the_given_tokens_with_and_without_Bos()
    {
        // every tenth token is a line end
        int[] lineEnds = [.. Enumerable.Range(0, 20).Select(k => (10 * k) + 9)];
        foreach (int? bos in new int?[] { null, Bos })
        {
            PoseDataset data =
                Dataset(new PoseOptions { TrainLength = 64, TargetLength = 512, SplitAfter = lineEnds }, bos, lengths: [200]);
            for (int epoch = 0; epoch < 30; epoch++)
            {
                TrainingExample example = data[epoch, 0];
                int seam = data.Plan(epoch, 0).Plan.Chunks[0].Length;
                Assert.Contains(example.InputIds[seam - 1], lineEnds);
                Assert.Equal(0, example.InputIds[seam] % 10);
            }
        }
    }

    [Fact]
    public void Long_documents_are_read_to_their_end()
    {
        PoseDataset data = Dataset(s_pose, lengths: [900]);
        int last = Enumerable.Range(0, 300).Max(epoch => data[epoch, 0].InputIds[^1]);
        Assert.InRange(last, 880, 899); // no cap at five windows (80 tokens)
    }

    [Fact]
    public void Short_documents_are_left_out_and_counted()
    {
        var data = new PoseDataset(Documents(5, 30, 19, 20), s_pose, seed: 1, bosId: null, minDocumentTokens: 20);
        Assert.Equal((2, 2), (data.Count, data.SkippedDocuments));
        Assert.Equal([1, 3], Enumerable.Range(0, 2).Select(i => data.Plan(0, i).Document).Order());
        // one token alone has no label unless BOS foretells it
        Assert.Equal(1, new PoseDataset(Documents(1, 9), s_pose, 1, bosId: null, minDocumentTokens: 0).SkippedDocuments);
        Assert.Equal(1, new PoseDataset(Documents(1), s_pose, 1, Bos, 0).Count);
    }

    [Fact]
    public void No_usable_document_is_an_error_that_says_what_there_is()
    {
        string message = Assert.Throws<SkipwiseException>(() => new PoseDataset(Documents(5, 12, 7), s_pose, 1, null, 16)).Message;
        Assert.Contains("3 documents", message, StringComparison.Ordinal);
        Assert.Contains("longest has 12", message, StringComparison.Ordinal);
        Assert.Contains("16 tokens", message, StringComparison.Ordinal);
        Assert.Contains("FineTuneOptions.MinDocumentTokens", message, StringComparison.Ordinal);
        Assert.Contains("no documents", Assert.Throws<SkipwiseException>(() => new PoseDataset(Documents(), s_pose, 1, null, 16)).Message,
            StringComparison.Ordinal);
        Assert.Throws<SkipwiseException>(() => Dataset(s_pose with { TargetLength = 16 }));
    }

    [Fact]
    public void Places_outside_the_epoch_are_refused()
    {
        PoseDataset data = Dataset();
        Assert.Throws<ArgumentOutOfRangeException>(() => data[0, 5]);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[0, -1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[-1, 0]);
    }
}
