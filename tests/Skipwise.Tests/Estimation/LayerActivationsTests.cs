using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Tests.Estimation;

/// <summary>The formula against the bytes that layers hold between forward and backward.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class LayerActivationsTests
{
    private const int Batch = 2, Length = 512, Few = 2, Many = 10;

    private static readonly DecoderConfig s_llama = new()
    {
        VocabSize = 100,
        HiddenSize = 128,
        IntermediateSize = 344,
        NumHiddenLayers = 1,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 4,
        HeadDim = 32,
        MaxPositionEmbeddings = Length,
    };

    private static readonly DecoderConfig s_gemma =
        s_llama with { Norm = NormKind.RmsUnitOffset, Activation = Activation.GeluTanh, NumKeyValueHeads = 1, HeadDim = 64 };

    private static readonly DecoderConfig s_neox = s_llama with
    {
        Norm = NormKind.Layer,
        Residual = ResidualKind.Parallel,
        GatedFeedForward = false,
        Activation = Activation.Gelu,
    };

    private static readonly DecoderConfig s_gptj =
        s_neox with { Residual = ResidualKind.ParallelSharedNorm, Activation = Activation.GeluTanh };

    private static readonly LoraOptions s_none = new(), s_lora = new() { Rank = 8 };

    public static TheoryData<string, DecoderConfig, LoraOptions, ScalarType> Kinds => new()
    {
        { "Llama", s_llama, s_none, ScalarType.Float32 },
        { "bfloat16", s_llama, s_none, ScalarType.BFloat16 },
        { "grouped queries with norms", s_llama with { NumKeyValueHeads = 2, QueryKeyNorm = true }, s_none, ScalarType.Float32 },
        { "Gemma", s_gemma, s_none, ScalarType.Float32 },
        { "GPT-NeoX", s_neox, s_none, ScalarType.Float32 },
        { "GPT-J", s_gptj, s_none, ScalarType.Float32 },
        { "LoRA", s_llama, s_lora, ScalarType.Float32 },
        { "LoRA of all with dropout", s_llama, s_lora with { TargetModules = [LoraOptions.AllLinear], Dropout = 0.1 }, ScalarType.Float32 },
        { "QLoRA", s_llama, s_lora with { QuantizationBits = 4, TargetModules = ["down_proj"] }, ScalarType.Float32 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_layer_saves_is_counted(string kind, DecoderConfig config, LoraOptions lora, ScalarType dtype)
    {
        using var sizes = new LayerSizes(config, lora, OptimizerKind.Adamw, (CPU, dtype), offload: false);
        using var profiler = new StepProfiler(sizes);
        CausalLM model = profiler.Model;
        using IDisposable dropout = model.Dropout.ForMicroBatch(0);
        using Batch inputs = Skipwise.Data.Batch.Padded(new ExampleCursor(new RandomExamples(Batch, Length, Length)).Take(Batch), CPU);
        using Rotary rotary = model.RotaryFor(inputs.PositionIds, Length);
        using var scope = NewDisposeScope();
        Tensor hidden = zeros([Batch, Length, config.HiddenSize], dtype).requires_grad_();
        IReadOnlyList<Block> blocks = model.Blocks(Length, rotary, []);
        long Held(int layers)
        {
            using var inner = NewDisposeScope();
            using var tape = new LayerwiseBackward();
            GC.Collect(); // what earlier tests left would be freed meanwhile
            GC.WaitForPendingFinalizers();
            long before = ProcessMemory.InUse();
            tape.Forward([.. Enumerable.Repeat(blocks[0], layers)], hidden, recomputeEvery: 0);
            return ProcessMemory.InUse() - before;
        }
        Held(Many); // kernels and code settle
        long layers = Enumerable.Range(0, 5).Select(_ => Held(Many) - Held(Few)).Order().ElementAt(2);
        double measured = layers / (double)((Many - Few) * Batch * Length);
        long formula = LayerActivations.Of(sizes).Saved;
        TestContext.Current.TestOutputHelper!.WriteLine($"{kind}: {formula} bytes a token, measured {measured:0}");
        Assert.InRange(measured / formula, 0.97, 1.03); // the allocator's headers, and code that is compiled meanwhile
    }
}
