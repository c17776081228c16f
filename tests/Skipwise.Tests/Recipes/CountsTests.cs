using System.Collections;
using System.Text;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Recipes;
using Skipwise.Tests.Cli;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Tests.Recipes;

/// <summary>Products of counts that are each in range: they are refused, or counted, where an int would turn over.</summary>
public sealed class CountsTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Theory]
    [InlineData(1 << 22, 1 << 10)] // 2^32, which an int takes for 0
    [InlineData(1 << 21, 1 << 10)] // 2^31, which it takes for a negative number
    public void A_batch_of_texts_that_no_tensor_holds(int texts, int tokens)
    {
        using CausalLM tiny = TinyModel.Create();
        string message = Assert.Throws<SkipwiseException>(() => TokenTensor.Create(tiny, new SameRow(texts, new int[tokens]))).Message;
        Assert.Equal($"A batch of {texts} texts of {tokens} tokens is more than one forward holds. Lower the batch size.", message);
    }

    [Theory]
    [InlineData(1 << 16, 1 << 16, 64,
        "TrainOptions.BatchSize 65536 x TrainOptions.GradientAccumulationSteps 65536 is 4294967296 examples a step")]
    [InlineData(1 << 16, 1 << 15, 64, "is 2147483648 examples a step; at most 2147483647 can be counted")]
    [InlineData(1 << 16, 1, 1 << 16, "A forward of 65536 x 65536 tokens is more than a batch can hold")]
    [InlineData(1 << 16, 1, 1 << 13, "A forward of 65536 x 8192 tokens is more than a batch can hold")] // 2^29, a few over the limit
    public void An_estimate_of_a_step_that_no_run_can_take(int batch, int accumulation, int length, string complaint)
    {
        var options = new CostEstimatorOptions
        {
            Model = model.Path("nowhere"), // had any work begun, the complaint would be another
            TargetLength = length,
            BatchSize = batch,
            GradientAccumulationSteps = accumulation,
        };
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => CostEstimator.Run(options)).Message);
        var trained = options with { TargetLength = 64, TrainLength = length };
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => CostEstimator.Run(trained)).Message);
    }

    [Fact]
    public void The_costs_of_the_largest_step_are_counted()
    {
        DecoderConfig config = HfConfig.ForModel(model.Folder).Model;
        using var sizes = new LayerSizes(config, new LoraOptions(), OptimizerKind.Adamw, (CPU, ScalarType.Float32), offload: false);
        var memory = MemoryModel.Create(sizes, recomputeEvery: 0);
        var flops = new StepFlops(config, sizes.LayerMatrices, IsFrozen: false, RecomputeEvery: 0);
        var time = new TimeModel(flops, default, new(1e-11, 2e-11), default, new(1e-6, 2e-6), new(1e-3, 2e-3));
        // 2^29 tokens, whose bytes and pairs are beyond an int: twice the batch costs about twice as much
        MemoryEstimate half = memory.Step(1 << 8, 1 << 20, 1), whole = memory.Step(1 << 9, 1 << 20, 1);
        Assert.InRange(half.Peak, 4L << 28, long.MaxValue / 2);
        Assert.InRange((double)whole.BackwardPeak / half.BackwardPeak, 1.9, 2.1);
        Assert.InRange(whole.Logits, 1, long.MaxValue);
        Assert.InRange(time.Step(1 << 9, 1 << 20, 1 << 16).CpuSeconds / time.Step(1 << 8, 1 << 20, 1 << 16).CpuSeconds, 1.9, 2.1);
        // however large the memory, a proposal is a batch that a forward can hold
        foreach (int length in (int[])[1, 1 << 10, 1 << 20, 1 << 27, int.MaxValue])
        {
            int largest = memory.LargestBatch(length, 1 << 16, long.MaxValue);
            Assert.InRange(largest, 0, HostBatch.MostTokens / length);
            Assert.True(largest == (1 << 21) - 1 || (long)(largest + 1) * length > HostBatch.MostTokens, $"{largest} x {length}");
        }
    }

    [Fact]
    public void What_a_batch_can_hold_is_an_array() => Assert.Equal(HostBatch.MostTokens, Array.MaxLength / 4);

    [Theory]
    [InlineData("65536", "65536"), InlineData("32768", "65536")] // 2^32 and 2^31
    public async Task More_lists_than_can_be_made(string steps, string batch) =>
        (await CliRun.Of("pretrain", "--out", model.Path("pretrained"), "--list-steps", steps, "--batch-size", batch))
            .Complained($"--list-steps {steps} x --batch-size {batch} are more lists than can be made");

    [Theory]
    [InlineData(1 << 27, "texts of 2147483648 tokens"), InlineData(1 << 28, "texts of 4294967296 tokens")]
    public void A_demo_of_a_window_whose_multiples_cannot_be_counted(int window, string complaint)
    {
        const string key = "\"max_position_embeddings\": ";
        string folder = model.With($"wide-{window}", "config.json", bytes => Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(bytes).Replace($"{key}{SmallModel.Window}", $"{key}{window}", StringComparison.Ordinal)));
        var options = new DemoOptions { Model = folder, Out = model.Path($"demo-{window}") };
        string message = Assert.Throws<SkipwiseException>(() => Demo.Run(options, new DemoProgress(), default)).Message;
        Assert.StartsWith(folder, message);
        Assert.Contains(complaint, message);
    }

    /// <summary>One row many times, without the memory.</summary>
    private sealed class SameRow(int count, int[] row) : IReadOnlyList<int[]>
    {
        public int Count => count;

        public int[] this[int index] => row;

        public IEnumerator<int[]> GetEnumerator() => Enumerable.Repeat(row, count).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
