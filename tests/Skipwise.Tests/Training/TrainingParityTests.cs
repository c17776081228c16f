using Skipwise.Data;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>Gradients, the optimizer and a short run against the original's code, at the tolerances of fixtures/README.md.</summary>
public class TrainingParityTests
{
    public static TheoryData<string> Trained => ParityCase.With("train.loss");

    public static TheoryData<string> Runs => ParityCase.With("run8.loss");

    [Theory]
    [MemberData(nameof(Trained))]
    public void Gradients_and_one_AdamW_step_are_the_originals(string name)
    {
        const double rate = 2e-5;
        using var scope = NewDisposeScope();
        using var reference = new ParityCase(name);
        var parameters = reference.Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        double norm = BackwardOnce(reference, reference["input_ids"], reference["position_ids.pose2"], out double loss);
        Assert.Equal(reference["train.loss"].ToDouble(), loss, 1e-5);
        Assert.Equal(reference["train.grad_norm"].ToDouble(), norm, 1e-4);

        var gradients = new Dictionary<string, Tensor>();
        foreach (string key in reference.Names.Where(n => n.StartsWith("train.grad.", StringComparison.Ordinal)))
        {
            string parameter = key["train.grad.".Length..];
            gradients[parameter] = reference.Joined(parameter, name => parameters[name].grad!).clone();
            Assert.InRange(ParityCase.LargestDifference(gradients[parameter], reference[key]), 0, 1e-5);
        }
        Assert.NotEmpty(gradients);

        using var optimizer = new FusedAdamW(reference.Model, new AdamWOptions());
        optimizer.ClipAndStep(rate, maxGradNorm: 0);
        foreach (string key in reference.Names.Where(n => n.StartsWith("train.after.", StringComparison.Ordinal)))
        {
            string parameter = key["train.after.".Length..];
            Tensor difference = (reference.Joined(parameter, name => parameters[name].detach()) - reference[key]).abs();
            // Adam's first step is rate * g / (|g| + eps): where g is rounding noise its sign is too
            Tensor certain = gradients[parameter].abs().gt(1e-5);
            Assert.InRange((difference * certain.to(ScalarType.Float32)).max().ToDouble(), 0, 1e-6);
            Assert.InRange(difference.max().ToDouble(), 0, 2.05 * rate);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Eight_steps_with_clipping_follow_the_original(string name)
    {
        using var scope = NewDisposeScope();
        using var reference = new ParityCase(name);
        using var optimizer = new FusedAdamW(reference.Model, new AdamWOptions());
        for (int step = 0; step < 8; step++)
        {
            BackwardOnce(reference, reference["run8.input_ids"][step], reference["run8.position_ids"][step], out double loss);
            double norm = optimizer.ClipAndStep(1e-3, maxGradNorm: 1);
            Assert.Equal(reference["run8.loss"][step].ToDouble(), loss, 1e-4);
            Assert.Equal(reference["run8.grad_norm"][step].ToDouble(), norm, 1e-4);
        }
    }

    [Theory]
    [InlineData("baichuan2-none"), InlineData("gptj-none")] // a normalised head with a z-loss; a head with a bias
    public void Chunks_of_the_loss_leave_the_gradients_as_they_are(string name)
    {
        using var scope = NewDisposeScope();
        using var whole = new ParityCase(name);
        using var chunked = new ParityCase(name);
        Tensor ids = whole["input_ids"];
        double Backward(ParityCase reference, long scoresPerChunk)
        {
            using var batch = TensorBatch.Of(ids, whole["position_ids.pose2"], ids);
            return CausalLoss.Backward(reference.Model, batch, 94, logitsPerChunk: scoresPerChunk).ToDouble();
        }
        Assert.Equal(Backward(whole, long.MaxValue), Backward(chunked, 7 * 96), 1e-4);
        foreach (((string parameter, var expected), (_, var found)) in whole.Model.named_parameters().Zip(chunked.Model.named_parameters()))
        {
            Assert.True(found.grad!.allclose(expected.grad!, rtol: 1e-4, atol: 1e-6), parameter);
        }
    }

    private static double BackwardOnce(ParityCase reference, Tensor ids, Tensor positions, out double loss)
    {
        using var batch = TensorBatch.Of(ids, positions, ids);
        long labels = ids.size(0) * (ids.size(1) - 1);
        loss = CausalLoss.Backward(reference.Model, batch, labels).ToDouble() / labels;
        return Math.Sqrt(reference.Model.parameters().Sum((Parameter p) => p.grad!.square().sum().ToDouble()));
    }
}
