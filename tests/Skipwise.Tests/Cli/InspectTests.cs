using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Cli;

public class InspectTests
{
    [Fact]
    public async Task A_model_is_described_from_its_headers()
    {
        CliRun run = (await CliRun.Of("inspect", "model", "--model", Fixture.Path("llama-gqa-linear8"))).Succeeded();
        Assert.Matches(@"family +llama", run.Output);
        Assert.Matches(@"window +256 tokens", run.Output);
        Assert.Matches(@"rope +linear, factor 8, original length 32, theta 10000", run.Output);
        Assert.Matches(@"heads +4 of 16 dimensions, 2 for keys and values", run.Output);
        // 2 * 96 * 64 embedding and head, 2 layers of (64 + 32 + 32 + 64) * 64 + 3 * 64 * 80 + 2 * 64, final norm 64
        Assert.Matches($@"parameters +{2 * 96 * 64 + 2 * ((192 * 64) + (3 * 64 * 80) + 128) + 64:N0}", run.Output);
    }

    [Fact]
    public async Task Tensors_are_listed_with_their_files()
    {
        CliRun run = (await CliRun.Of("inspect", "tensors", "--model", Fixture.Path("formats", "sharded-safetensors-f16"))).Succeeded();
        Assert.Matches(@"model\.embed_tokens\.weight +\[\d+, \d+\] +F16 +model-0000\d-of-0000\d\.safetensors", run.Output);
    }

    [Fact]
    public async Task A_ropes_wavelengths_are_marked_where_they_exceed_the_window()
    {
        CliRun run = (await CliRun.Of("inspect", "rope", "--model", Fixture.Path("llama-none"), "--rope", "linear", "--rope-factor", "4", "--rope-original-length", "64")).Succeeded();
        // theta 10000, 16 dimensions: f_0 = 1, f_1 = 10000^(-1/8); divided by 4
        Assert.Matches(@"\n0 +0\.25 +25\.1 +4\n", run.Output);
        Assert.Matches(@"\n1 +0\.0790569 +79\.5 +4 +!\n", run.Output);
        Assert.Contains("64 -> 256 tokens", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_is_the_one_that_training_draws()
    {
        CliRun run = (await CliRun.Of("inspect", "plan", "--train-length", "64", "--target-length", "512", "--document-length", "300", "--chunks", "3", "--seed", "5", "--epoch", "2", "--index", "7")).Succeeded();
        var rng = new KeyedRandom(5, 2, 7);
        PositionPlan plan = PoseSampler.Sample(ref rng, 300, new PoseOptions { TrainLength = 64, TargetLength = 512, Chunks = 3, RandomStart = true });
        Assert.Equal(3, plan.Chunks.Length);
        foreach (Chunk chunk in plan.Chunks)
        {
            Assert.Matches($@"\n\d +{chunk.Length} +{chunk.ContentStart}\.\.{chunk.ContentEnd - 1} +{chunk.PositionStart}\.\.{chunk.PositionEnd - 1} ", run.Output);
        }
    }

    [Fact]
    public async Task A_plan_that_cannot_be_is_explained() =>
        (await CliRun.Of("inspect", "plan", "--train-length", "64", "--target-length", "64")).Complained("--target-length 64 is no longer than --train-length 64");
}
