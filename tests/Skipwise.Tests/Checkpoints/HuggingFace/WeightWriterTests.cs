using System.Security.Cryptography;
using System.Text;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models.Lora;
using Skipwise.Tests.Checkpoints.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public sealed class WeightWriterTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>The hashes are of the files that were written before there was a seam for formats.</summary>
    [Theory]
    [InlineData("baichuan2-none", PretrainedModel.DefaultShardBytes, 1, "BB1CB0B4AEF04629")]
    [InlineData("baichuan2-none", 20_000, 15, "65BC8E350E93997B")]
    [InlineData("gpt_neox-pct25-parallel", 20_000, 16, "9691CD0FE1D3439B")]
    [InlineData("formats/sharded-pytorch-bin-f16", PretrainedModel.DefaultShardBytes, 1, "53AE99B0DF62D987")]
    [InlineData("formats/sharded-safetensors-f16", 20_000, 4, "B950EE5496100397")]
    [InlineData("formats/single-safetensors-bf16", PretrainedModel.DefaultShardBytes, 1, "62121596047BCC7E")]
    public void A_saved_model_has_the_bytes_it_always_had(string fixture, long shardBytes, int files, string hash)
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        pretrained.Save(_temp["saved"], shardBytes);
        Assert.Equal((files, hash), HashOf(_temp["saved"], "model*"));
    }

    [Fact]
    public void A_saved_adapter_has_the_bytes_it_always_had()
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("baichuan2-none")));
        PeftModel adapted = Adapted(pretrained);
        Directory.CreateDirectory(_temp["adapter"]);
        adapted.WriteFiles(_temp["adapter"]);
        Assert.Equal((2, "30F5B3A96B94AE1F"), HashOf(_temp["adapter"], "adapter*"));
    }

    /// <summary>What a format with names of its own needs: each parameter whole, and the parts of a joined tensor apart.</summary>
    [Theory]
    [InlineData("baichuan2-none"), InlineData("gpt_neox-pct25-parallel"), InlineData("qwen2-tied-yarn4")]
    public void Another_format_writes_the_same_weights_under_names_of_its_own(string fixture)
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        var writer = new RecordingWriter();
        pretrained.WriteWeights(writer);
        pretrained.Save(_temp["saved"]);
        var saved = RawSafetensors.Read(Path.Combine(_temp["saved"], WeightFiles.SingleName));
        Assert.Equal(
            saved.Select(tensor => (tensor.Key, tensor.Value.Type, string.Join(',', tensor.Value.Shape))),
            writer.Declared.Select(tensor => (tensor.Name, StoredType.FromScalarType(tensor.Type).Name, string.Join(',', tensor.Shape))));
        Assert.All(writer.Whole, tensor => Assert.Equal(saved[tensor.Key].Data, tensor.Value));
        Assert.Equal(saved.Count, writer.Whole.Count);
        var parameters = pretrained.Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        Assert.Equal(parameters.Keys.Order(), writer.Canonical.Keys.Order());
        Assert.All(parameters, parameter => Assert.Equal(parameter.Value.detach().bytes.ToArray(), writer.Canonical[parameter.Key]));
    }

    [Fact]
    public void Parts_are_made_when_they_are_written_and_live_no_longer()
    {
        var alive = new List<Tensor>();
        IEnumerable<Tensor> Made(int value)
        {
            Assert.All(alive, tensor => Assert.True(tensor.IsInvalid));
            alive.Add(full(2, 3, value));
            yield return alive[^1];
        }
        OutputTensor Tensor(string name, int value) => new(name, [2, 3], Made(value), ScalarType.Float32);
        Directory.CreateDirectory(_temp["made"]);
        new SafetensorsFolder(_temp["made"]) { ShardBytes = 48 }.Write([Tensor("a", 1), Tensor("b", 2), Tensor("c", 3)]);
        Assert.Equal(3, alive.Count);
        Assert.All(alive, tensor => Assert.True(tensor.IsInvalid));
        using WeightFiles files = WeightFiles.Open(_temp["made"]);
        Assert.Equal(2, files.Paths.Count);
        Assert.Equal([("a", 1f), ("b", 2f), ("c", 3f)], files.Tensors.Select(tensor =>
        {
            using Tensor read = tensor.Value.File.Read(tensor.Value.Entry);
            return (tensor.Key, read.mean().item<float>());
        }));
    }

    [Fact]
    public void An_adapter_goes_into_another_format_too()
    {
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("baichuan2-none")));
        PeftModel adapted = Adapted(pretrained);
        var writer = new RecordingWriter();
        adapted.WriteWeights(writer);
        Directory.CreateDirectory(_temp["adapter"]);
        adapted.WriteFiles(_temp["adapter"]);
        var saved = RawSafetensors.Read(Path.Combine(_temp["adapter"], "adapter_model.safetensors"));
        Assert.Equal(saved.Keys, writer.Whole.Keys);
        Assert.All(writer.Whole, tensor => Assert.Equal(saved[tensor.Key].Data, tensor.Value));
        Assert.Empty(writer.Canonical);
    }

    /// <summary>With factors that count, because drawn ones are the business of the generator.</summary>
    private static PeftModel Adapted(PretrainedModel pretrained)
    {
        var adapted = new PeftModel(pretrained, new LoraOptions { Rank = 2, TrainNorms = true }, "base", seed: 1);
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        foreach (var update in LoraInjector.LoraWeights(pretrained.Model))
        {
            update.A.copy_(arange(update.A.numel()).view(update.A.shape));
            update.B.copy_(arange(update.B.numel()).view(update.B.shape).neg());
        }
        return adapted;
    }

    /// <summary>The number of the files and a hash of their names and bytes.</summary>
    private static (int Files, string Hash) HashOf(string folder, string pattern)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string[] files = [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)];
        foreach (string file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(file)));
            hash.AppendData(File.ReadAllBytes(file));
        }
        return (files.Length, Convert.ToHexString(hash.GetHashAndReset())[..16]);
    }
}
