using CsCheck;
using Skipwise.Inference;
using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

public sealed class PrefixPlanTests
{
    [Fact]
    public void Prefixes_are_split_where_a_neighbour_parts_from_them()
    {
        int[] text = TinyModel.Tokens(1, 100);
        int[] Part(int at, int token) => [.. text[..at], token, .. TinyModel.Tokens((ulong)at, 99 - at)];
        int[][] prefixes = [text, Part(70, 0), Part(40, 0), Part(40, 1), Part(5, 0), Part(5, 1)]; // 5 tokens are not worth a split
        var plan = new PrefixPlan([.. prefixes.Select(prefix => ((IReadOnlyList<int[]>)[prefix], 7L))]);
        Assert.Equal([[40, 70], [40, 70], [40], [40], [], []], Enumerable.Range(0, 6).Select(i => plan.SplitsOf(i).Single()));
        Assert.Equal([(107, 107), (107, 37), (107, 67), (107, 67), (107, 107), (107, 107)], plan.Tokens);
    }

    /// <summary>The states of each batch are those that come from the batches in order, whichever of them were computed before: bit by
    /// bit.</summary>
    [Fact]
    public void What_is_computed_of_a_batch_does_not_depend_on_the_batches_before() =>
        Gen.Select(Gen.Int[20, 90], Gen.Int[0, 90].Array[2, 8], Gen.Int[1, 3], Gen.Bool, Gen.UInt)
        .Sample((length, partings, batchSize, isTogether, seed) =>
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.3,
                change: config => config with { HiddenSize = 96, IntermediateSize = 160, HeadDim = 24 });
            int[] text = TinyModel.Tokens(seed, length);
            int[][][] batches =
            [
                .. partings.Select(parting => Math.Min(parting, length)).Order().Select((parting, i) =>
                    (int[])[.. text[..parting], .. TinyModel.Tokens(seed + (ulong)(i / 2), length - parting)]).Chunk(batchSize),
            ];
            string[] States(IEnumerable<int> order)
            {
                using var prefixes = new PrefixCache(model, isTogether ? 1000 : 0);
                PrefixPlan plan = prefixes.Plan(batches);
                var states = new string[batches.Length];
                foreach (int batch in order)
                {
                    prefixes.Expect(plan.SplitsOf(batch));
                    using Tensor last = prefixes.Fill(batches[batch], length).Last;
                    states[batch] = Convert.ToHexString(last.bytes);
                }
                return states;
            }
            string[] all = States(Enumerable.Range(0, batches.Length));
            for (int from = 0; from < batches.Length; from++)
            {
                Assert.Equal(all[from..], States(Enumerable.Range(from, batches.Length - from))[from..]);
            }
            Assert.Equal(all, States(Enumerable.Range(0, batches.Length).Reverse()));
        }, iter: 40, threads: 1);
}
