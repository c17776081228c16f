using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Tests.Estimation;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

[Collection(nameof(AloneInTheProcess))]
public sealed class PackedLoadingTests
{
    private static readonly LoraOptions s_lora = new() { Rank = 2, QuantizationBits = 4 };

    /// <summary>Weights that are packed while they are read are those that are packed afterwards; also where a file joins several in one
    /// tensor.</summary>
    [Theory]
    [InlineData("llama-none", 8), InlineData("llama-none", 4), InlineData("gpt_neox-pct25-parallel", 4), InlineData("baichuan2-none", 8)]
    public void A_weight_is_packed_the_same_whether_at_once_or_later(string fixture, int bits)
    {
        using var scope = NewDisposeScope();
        using PretrainedModel atOnce = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture), QuantizationBits: bits)),
            later = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        LoraInjector.Apply(atOnce.Model, s_lora with { QuantizationBits = bits, TargetModules = [LoraOptions.AllLinear] }, seed: 1);
        LoraInjector.Apply(later.Model, s_lora with { QuantizationBits = bits, TargetModules = [LoraOptions.AllLinear] }, seed: 1);
        var expected = LoraInjector.Projections(later.Model).ToDictionary(p => p.Name, p => p.Projection);
        Assert.NotEmpty(expected);
        foreach ((string name, Projection projection) in LoraInjector.Projections(atOnce.Model))
        {
            Assert.Equal(0, projection.weight.numel());
            Assert.True(projection.Quantized!.Dequantize().Equals(expected[name].Quantized!.Dequantize()), name);
        }
    }

    [Fact]
    public void Loading_for_a_packed_base_takes_little_more_than_the_packed_base()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the peak is the kernel's mark");
        const int layers = 8, hidden = 512, inner = 1024;
        using var folder = new TempFolder();
        var config = new DecoderConfig
        {
            VocabSize = TinyModel.Vocabulary,
            HiddenSize = hidden,
            IntermediateSize = inner,
            NumHiddenLayers = layers,
            NumAttentionHeads = 8,
            NumKeyValueHeads = 8,
            HeadDim = 64,
            MaxPositionEmbeddings = 128,
        };
        using (var model = new CausalLM(config))
        {
            WeightInit.Initialize(model, seed: 1);
            using var made = PretrainedModel.Create(model);
            made.Save(folder["model"]);
        }
        long Peak(int? bits) => Enumerable.Range(0, 3).Select(_ => ProcessMemory.PeakDuring(() => // the middle of three
            PretrainedModel.Load(new ModelSource(folder["model"], QuantizationBits: bits)).Dispose())).Order().ElementAt(1);
        long whole = layers * ((4L * hidden * hidden) + (3L * hidden * inner)) * sizeof(float);
        Peak(null);
        Peak(4);
        Assert.InRange(Peak(null), 0.9 * whole, 1.2 * whole);
        Assert.InRange(Peak(4), whole / 8, 0.4 * whole); // an eighth and its scales, a tensor in full and the pieces it is packed by
    }
}
