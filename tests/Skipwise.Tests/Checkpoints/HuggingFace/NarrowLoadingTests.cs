using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>Models whose matrices stay in 16 bits, against the same files read as float32.</summary>
public sealed class NarrowLoadingTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("llama-gqa-yarn16-tied", ScalarType.BFloat16), InlineData("llama-attention-bias-theta", ScalarType.Float16),
        InlineData("baichuan2-none", ScalarType.BFloat16)]
    [InlineData("gptj-none", ScalarType.Float16), InlineData("gpt_neox-pct25-parallel", ScalarType.BFloat16),
        InlineData("qwen2", ScalarType.Float16), InlineData("mistral-sliding16", ScalarType.BFloat16)]
    public void Computes_the_same_and_is_saved_to_the_same_bytes(string fixture, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = Halved(fixture, type);
        using PretrainedModel wide = PretrainedModel.Load(new ModelSource(folder)),
            narrow = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true));
        Assert.All(narrow.Model.parameters(), parameter => Assert.Equal(parameter.dim() == 2 ? type : ScalarType.Float32, parameter.dtype));
        Assert.Equal(ScalarType.Float32, narrow.Model.Dtype);
        Assert.Equal(narrow.Model.parameters().Sum(parameter => parameter.numel() * parameter.element_size()),
            InspectModel.Describe(new ModelSource(folder)).LoadBytes);

        const int tokens = 20;
        Tensor ids = randint(3, 50, [1, tokens], ScalarType.Int64), positions = arange(tokens).unsqueeze(0);
        Assert.True(narrow.Model.Logits(ids, positions).Equals(wide.Model.Logits(ids, positions)));
        Assert.InRange(ParityCase.LargestDifference(Decoded(narrow.Model, ids), Decoded(wide.Model, ids)), 0, 2e-5);

        narrow.Save(_temp["saved"]);
        wide.Save(_temp["expected"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_temp["expected"], WeightFiles.SingleName)),
            File.ReadAllBytes(Path.Combine(_temp["saved"], WeightFiles.SingleName)));
    }

    [Fact]
    public void Only_a_model_in_float32_without_an_adapter_is_held_so()
    {
        string folder = Halved("llama-none", ScalarType.Float16);
        using PretrainedModel half = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true), ScalarType.BFloat16);
        Assert.All(half.Model.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.dtype));
        using PretrainedModel packed = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true, QuantizationBits: 8));
        Assert.All(packed.Model.parameters(),
            parameter => Assert.True(parameter.dtype == ScalarType.Float16 || parameter.dim() == 1 || parameter.numel() == 0));
    }

    /// <summary>Also where nothing can be mapped, as from PyTorch's own format.</summary>
    [Fact]
    public void Files_that_are_not_mapped_are_read_into_16_bits()
    {
        using var scope = NewDisposeScope();
        string folder = Fixture.Path("formats", "sharded-pytorch-bin-f16");
        using PretrainedModel wide = PretrainedModel.Load(new ModelSource(folder)),
            narrow = PretrainedModel.Load(new ModelSource(folder, InferenceOnly: true));
        Assert.Contains(narrow.Model.parameters(), parameter => parameter.dtype == ScalarType.Float16);
        Assert.All(wide.Model.parameters().Zip(narrow.Model.parameters()),
            pair => Assert.True(pair.Second.to(ScalarType.Float32).Equals(pair.First)));
    }

    /// <summary>A fixture's weights, rounded, under headers that end anywhere.</summary>
    private string Halved(string fixture, ScalarType type)
    {
        string folder = _temp["half"];
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        using (WeightFiles weights = WeightFiles.Open(Fixture.Path(fixture)))
        {
            SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.SingleName), weights.Tensors.Values
                .Where(tensor => !ModelFamily.Ignores(tensor.Entry.Name)).Select(tensor =>
                    (tensor.Entry.Name, tensor.File.Read(tensor.Entry), type)));
        }
        File.Copy(Path.Combine(Fixture.Path(fixture), HfConfig.FileName), Path.Combine(folder, HfConfig.FileName));
        return folder;
    }

    /// <summary>Token by token, as text is generated.</summary>
    private static Tensor Decoded(CausalLM model, Tensor ids)
    {
        using var cache = new KvCache(model.Config, 1, (int)ids.size(1), model.Dtype, model.Device);
        var logits = new List<Tensor>();
        for (int i = 0; i < ids.size(1); i++)
        {
            using Rotary rotary = model.RotaryFor(tensor((long)i).view(1, 1), (int)ids.size(1));
            logits.Add(model.Logits(model.HiddenStates(ids.narrow(1, i, 1), rotary, cache)));
        }
        return cat([.. logits], 1);
    }
}
