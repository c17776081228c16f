using Skipwise.Models;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class LearningRateScalesTests
{
    [Theory]
    [InlineData("model.embed_tokens.weight", 2)]
    [InlineData("lm_head.weight", 2)]
    [InlineData("model.layers.3.input_layernorm.weight", 3)]
    [InlineData("model.layers.3.post_attention_layernorm.weight", 3)]
    [InlineData("model.norm.weight", 3)]
    [InlineData("model.layers.0.self_attn.q_proj.bias", 4)]
    [InlineData("model.layers.0.self_attn.q_proj.weight", 5)]
    [InlineData("model.layers.0.mlp.down_proj.weight", 5)]
    [InlineData("model.layers.0.self_attn.q_proj.lora_A.weight", 6)]
    public void A_name_tells_the_group(string name, double scale) =>
        Assert.Equal(scale, new LearningRateScales { Embeddings = 2, Norms = 3, Biases = 4, Matrices = 5, Adapters = 6 }.ForParameter(name));

    [Fact]
    public void Scales_are_read_from_text()
    {
        Assert.Equal(new LearningRateScales { Embeddings = 0.1, Norms = 2 }, LearningRateScales.Parse("embeddings=0.1, norms=2"));
        Assert.Contains("no group 'norm'", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norm=2")).Message);
        Assert.Contains("twice", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norms=2,norms=3")).Message);
        Assert.Contains("'norms'", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norms")).Message);
        var options = new TrainOptions { AdamW = new() { Scales = new() { Norms = -1, Matrices = double.NaN } } };
        string message = Assert.Throws<SkipwiseException>(options.Validate).Message;
        Assert.Contains("norms is -1", message);
        Assert.Contains("matrices is NaN", message);
    }

    /// <summary>Adam's first step moves every weight by rate * g / (|g| + eps): the rate itself, wherever the gradient is not tiny.</summary>
    [Fact]
    public void Each_group_moves_at_its_own_rate()
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(initializerRange: 0.5);
        var before = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach().clone());
        using var optimizer = new FusedAdamW(model, new() { Scales = new() { Embeddings = 0, Norms = 3 } });
        foreach ((_, var parameter) in model.named_parameters())
        {
            parameter.grad = ones_like(parameter);
        }
        optimizer.ClipAndStep(1e-3, maxGradNorm: 0);
        foreach ((string name, var parameter) in model.named_parameters())
        {
            double expected = name.Contains("embed", StringComparison.Ordinal) || name.Contains("lm_head", StringComparison.Ordinal) ? 0 : name.Contains("norm", StringComparison.Ordinal) ? 3e-3 : 1e-3;
            Tensor moved = before[name] - parameter.detach();
            Assert.InRange((moved - expected).abs().max().ToDouble(), 0, 1e-6);
        }
    }
}
