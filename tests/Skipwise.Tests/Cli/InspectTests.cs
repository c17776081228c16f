using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Cli;

public class InspectTests
{
    [Theory]
    [InlineData("inspect")]
    [InlineData("inspect model")]
    public async Task A_model_is_described_from_its_headers(string verb)
    {
        CliRun run = (await CliRun.Of([.. verb.Split(' '), "--model", Fixture.Path("llama-gqa-linear8")])).Succeeded();
        Shown.Equal("inspect-model", run.Output, Fixture.Path("llama-gqa-linear8"));
        // 2 * 96 * 64 embedding and head, 2 layers of (64 + 32 + 32 + 64) * 64 + 3 * 64 * 80 + 2 * 64, final norm 64
        Assert.Matches($@"parameters +{2 * 96 * 64 + 2 * ((192 * 64) + (3 * 64 * 80) + 128) + 64:N0}", run.Output);
        // linear by 8: wavelengths 2 pi 8 10000^(i/8), of which 50.3 is the shortest, all above the original window of 32 tokens
        Assert.Contains("8 of 8 longer than the original window of 32 tokens: pairs 0..7", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_as_JSON_goes_where_it_is_sent()
    {
        using var folder = new TempFolder();
        string[] line =
            ["inspect", "--model", Fixture.Path("llama-yarn16"), "--rope", "yarn-revised", "--rope-factor", "16", "--rope-original-length",
                "32", "--json"];
        CliRun printed = (await CliRun.Of(line)).Succeeded();
        (await CliRun.Of([.. line, folder["page.json"]])).Succeeded();
        (await CliRun.Of([.. line, folder["page.json"]])).Succeeded(); // its own page is replaced
        Assert.Equal(printed.Output, File.ReadAllText(folder["page.json"]));
        Shown.Equal("inspect-model-json", printed.Output, Fixture.Path("llama-yarn16"));
    }

    [Theory]
    [InlineData("sharded-safetensors-f16", "F16", @"model-0000\d-of-0000\d\.safetensors")]
    [InlineData("pytorch-bin-f32", "F32", @"pytorch_model\.bin")]
    [InlineData("sharded-pytorch-bin-bf16-with-inv_freq", "BF16", @"pytorch_model-0000\d-of-0000\d\.bin")]
    public async Task Tensors_are_listed_with_their_files(string folder, string type, string file)
    {
        CliRun run = (await CliRun.Of("inspect", "tensors", "--model", Fixture.Path("formats", folder))).Succeeded();
        Assert.Matches($@"model\.embed_tokens\.weight +\[\d+, \d+\] +{type} +{file}", run.Output);
    }

    [Fact]
    public async Task A_ropes_wavelengths_are_marked_where_they_exceed_the_window()
    {
        CliRun run =
            (await CliRun.Of("inspect", "rope", "--model", Fixture.Path("llama-none"), "--rope", "linear", "--rope-factor", "4",
                "--rope-original-length", "64")).Succeeded();
        // theta 10000, 16 dimensions: f_0 = 1, f_1 = 10000^(-1/8); divided by 4
        Assert.Matches(@"\n0 +0\.25 +25\.1 +4\n", run.Output);
        Assert.Matches(@"\n1 +0\.0790569 +79\.5 +4 +!\n", run.Output);
        Shown.Equal("inspect-rope", run.Output, Fixture.Path("llama-none"));
    }

    [Fact]
    public async Task A_plan_is_the_one_that_training_draws()
    {
        CliRun run =
            (await CliRun.Of("inspect", "plan", "--train-length", "64", "--target-length", "512", "--document-length", "300", "--chunks",
                "3", "--seed", "5", "--epoch", "2", "--index", "7")).Succeeded();
        var rng = new KeyedRandom(5, 2, 7);
        PositionPlan plan =
            PoseSampler.Sample(ref rng, 300, new PoseOptions { TrainLength = 64, TargetLength = 512, Chunks = 3, RandomStart = true });
        Assert.Equal(3, plan.Chunks.Length);
        foreach (Chunk chunk in plan.Chunks)
        {
            Assert.Matches(
                $@"\n\d +{chunk.Length} +{chunk.ContentStart}\.\.{chunk.ContentEnd - 1} +{chunk.PositionStart}\.\.{chunk.PositionEnd - 1} ",
                run.Output);
        }
    }

    [Fact]
    public async Task A_plan_that_cannot_be_is_explained() =>
        (await CliRun.Of("inspect", "plan", "--train-length", "64", "--target-length", "64"))
        .Complained("--target-length 64 is no longer than --train-length 64");
}
