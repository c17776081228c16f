using Skipwise.Models;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class LearningRateScalesTests
{
    [Fact]
    public void Each_role_has_the_scale_of_its_group()
    {
        var scales = new LearningRateScales { Embeddings = 2, Norms = 3, Biases = 4, Matrices = 5, Adapters = 6 };
        Assert.Equal(
            [
                (ParameterRole.Matrix, 5.0), (ParameterRole.Embedding, 2), (ParameterRole.Head, 2), (ParameterRole.Norm, 3),
                (ParameterRole.Bias, 4), (ParameterRole.Adapter, 6),
            ], Enum.GetValues<ParameterRole>().Select(role => (role, scales.Of(role))));
    }

    [Fact]
    public void Scales_are_read_from_text()
    {
        Assert.Equal(new LearningRateScales { Embeddings = 0.1, Norms = 2 }, LearningRateScales.Parse("embeddings=0.1, norms=2"));
        Assert.Contains("no group 'norm'", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norm=2")).Message);
        Assert.Contains("twice", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norms=2,norms=3")).Message);
        Assert.Contains("'norms'", Assert.Throws<SkipwiseException>(() => LearningRateScales.Parse("norms")).Message);
        var options = new TrainOptions { AdamW = new() { Scales = new() { Norms = -1, Matrices = double.NaN } } };
        string message = Assert.Throws<SkipwiseException>(options.Validate).Message;
        Assert.Contains("LearningRateScales.Norms is -1", message);
        Assert.Contains("LearningRateScales.Matrices is NaN", message);
    }

    /// <summary>Adam's first step moves every weight by rate * g / (|g| + eps): the rate itself, wherever the gradient is not
    /// tiny.</summary>
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
            double expected = name.Contains("embed", StringComparison.Ordinal) || name.Contains("lm_head", StringComparison.Ordinal)
                ? 0
                : name.Contains("norm", StringComparison.Ordinal)
                ? 3e-3
                : 1e-3;
            Tensor moved = before[name] - parameter.detach();
            Assert.InRange((moved - expected).abs().max().ToDouble(), 0, 1e-6);
        }
    }
}
