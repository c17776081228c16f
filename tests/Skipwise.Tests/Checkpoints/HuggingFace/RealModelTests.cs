using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>
/// The tensors that published models have, from their config.json alone (Golden/models, written from what their authors published), against
/// approved lists; and their parameters against the numbers that their authors give.
/// </summary>
public class RealModelTests
{
    [Theory]
    [InlineData("llama-2-7b", 6_738_415_616)]
    [InlineData("llama-3.1-8b", 8_030_261_248)]
    [InlineData("mistral-7b-v0.1", 7_241_732_096)]
    [InlineData("qwen2-7b", 7_615_616_512)]
    [InlineData("qwen3-8b", 8_190_735_360)]
    [InlineData("baichuan2-7b", 7_505_973_248)]
    [InlineData("gpt-j-6b", 6_050_882_784)]
    [InlineData("pythia-1b", 1_011_781_632)]
    [InlineData("phi-3-mini-4k", 3_821_079_552)]
    [InlineData("gemma-2b", 2_506_172_416)]
    public void Names_and_shapes_are_the_published_ones(string name, long parameters)
    {
        HfConfig config = HfConfig.Read(Golden(name, "json"));
        Assert.Empty(config.Warnings);
        StoredParameter[] stored = [.. config.Family.StoredParameters(config.Model)];
        Assert.Equal(parameters, stored.Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)));
        // every layer has the tensors of the first
        string[] lines = [.. stored.Select(parameter => $"{parameter.Name} [{string.Join(", ", parameter.Shape)}]")];
        int layers = config.Model.NumHiddenLayers;
        string[] first = [.. lines.Where(line => line.Contains(".0.", StringComparison.Ordinal))];
        for (int layer = 1; layer < layers; layer++)
        {
            Assert.Equal(first.Select(line => line.Replace(".0.", $".{layer}.", StringComparison.Ordinal)),
                lines.Where(line => line.Contains($".{layer}.", StringComparison.Ordinal)));
        }
        string found =
            string.Concat(
                lines.Where(line => !Enumerable.Range(1, layers - 1).Any(layer => line.Contains($".{layer}.", StringComparison.Ordinal)))
            .Select(line => line.Replace(".0.", $".0-{layers - 1}.", StringComparison.Ordinal) + "\n"));
        Assert.Equal(File.ReadAllText(Golden(name, "txt")).ReplaceLineEndings("\n"), found);
    }

    [Fact]
    public void What_distinguishes_the_published_models_is_read()
    {
        DecoderConfig Model(string name) => HfConfig.Read(Golden(name, "json")).Model;
        Assert.Equal((4096, 0), (Model("mistral-7b-v0.1").SlidingWindow, Model("mistral-7b-v0.1").FirstSlidingLayer));
        Assert.Null(Model("qwen2-7b").SlidingWindow);
        Assert.Equal((64, 256, RotaryLayout.Interleaved),
            (Model("gpt-j-6b").RotaryDim, Model("gpt-j-6b").HeadDim, Model("gpt-j-6b").RotaryLayout));
        Assert.Equal((64, 256, RotaryLayout.RotateHalf),
            (Model("pythia-1b").RotaryDim, Model("pythia-1b").HeadDim, Model("pythia-1b").RotaryLayout));
        Assert.Equal((2047, 96, 96),
            (Model("phi-3-mini-4k").SlidingWindow, Model("phi-3-mini-4k").HeadDim, Model("phi-3-mini-4k").RotaryDim));
        Assert.Equal((true, Activation.GeluTanh, Math.Sqrt(2048)),
            (Model("gemma-2b").TieWordEmbeddings, Model("gemma-2b").Activation, Model("gemma-2b").EmbeddingScale));
        Assert.True(Model("baichuan2-7b").NormalizedHead);
    }

    private static string Golden(string name, string ending) =>
        Path.Combine(AppContext.BaseDirectory, "Golden", "models", $"{name}.{ending}");
}
