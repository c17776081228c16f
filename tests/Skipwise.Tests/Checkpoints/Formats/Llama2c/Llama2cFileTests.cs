using Skipwise.Checkpoints.Formats.Llama2c;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats.Llama2c;

public sealed class Llama2cFileTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>The fixture's model written as llama2.c writes it computes the fixture's logits.</summary>
    [Theory]
    [InlineData(0, "llama-none"), InlineData(1, "llama-none")]
    public void A_model_computes_the_same_whichever_way_it_is_stored(int version, string fixture)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using PretrainedModel hf = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        string path = _temp.Write("model/model.bin", RawLlama2c.Write(hf.Model, version));
        foreach (string model in new[] { path, _temp["model"] })
        {
            using PretrainedModel read = PretrainedModel.Load(new ModelSource(model));
            DecoderConfig expected = hf.Model.Config;
            Assert.Equal(expected with { NormEps = 1e-5, PadTokenId = null }, read.Model.Config);
            var parameters = read.Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
            Assert.All(hf.Model.named_parameters(), p => Assert.True(p.parameter.Equals(parameters[p.name]), p.name));
        }
    }

    [Fact]
    public void It_is_saved_as_a_Hugging_Face_folder_with_its_tokenizer()
    {
        using CausalLM tied = TinyModel.Create(tied: true);
        _temp.Write("model/model.bin", RawLlama2c.Write(tied, 0));
        _temp.Write("model/tokenizer.bin", [1, 2, 3]);
        using (PretrainedModel read = PretrainedModel.Load(new ModelSource(_temp["model"])))
        {
            read.Save(_temp["saved"]);
        }
        Assert.Equal(["config.json", "model.safetensors", "skipwise.json", "tokenizer.bin"],
            Directory.GetFiles(_temp["saved"]).Select(Path.GetFileName).Order());
        using PretrainedModel again = PretrainedModel.Load(new ModelSource(_temp["saved"]));
        Assert.All(tied.named_parameters().Zip(again.Model.named_parameters()),
            pair => Assert.True(pair.First.parameter.Equals(pair.Second.parameter), pair.First.name));
    }

    [Fact]
    public void A_file_whose_length_its_header_does_not_explain_is_refused()
    {
        using CausalLM model = TinyModel.Create(tied: true);
        byte[] original = RawLlama2c.Write(model, 0);
        ExpectError(original[..^4], $"{original.Length - 4} bytes; its header");
        ExpectError([.. original, 0], $"calls for {original.Length}");
        ExpectError(original[..20], "20 bytes are too few");
        ExpectError([], "0 bytes are too few");
        ExpectError(With(original, 8, 1000), "calls for"); // layers
        ExpectError(With(original, 8, int.MaxValue), "layers 2147483647");
        ExpectError(With(original, 12, 0), "heads 0");
        ExpectError(With(original, 0, int.MinValue), "no llama2.c checkpoint: it begins with dim -2147483648");
        ExpectError(With(original, 20, int.MinValue), "no llama2.c checkpoint"); // a vocabulary that has no absolute value
        ExpectError(With(original, 24, 1 << 30), "window 1073741824"); // more than any
        ExpectError(With(original, 12, 5), "no llama2.c checkpoint"); // heads that do not divide dim
        byte[] quantised = RawLlama2c.Write(model, 1);
        ExpectError(With(quantised, 4, 2), "version 2 of the llama2.c format (2 holds 8-bit weights)");
    }

    private static byte[] With(byte[] original, int at, int value)
    {
        byte[] copy = [.. original];
        BitConverter.GetBytes(value).CopyTo(copy, at);
        return copy;
    }

    private void ExpectError(byte[] file, string expected)
    {
        string path = _temp.Write("x.bin", file);
        Assert.Contains(expected, Assert.Throws<SkipwiseException>(() => Llama2cFile.Open(path).Dispose()).Message);
    }
}
