using Skipwise.Models;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW (Loshchilov, Hutter 2019) through libtorch's fused kernel: one call updates every parameter, with gradient clipping
/// folded in. Five times faster here than a loop over parameters. Not part of TorchSharp's interface (<see cref="TorchOps"/>).
/// </summary>
public class FusedAdamW : Optimizer
{
    private readonly Dictionary<int, Moments> _means;

    /// <param name="masters">of the model; null: its own weights, in float32</param>
    public FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters = null) : this(model, options, masters, _ => true) { }

    /// <param name="keeps">the parameters whose means are kept here; a derived class answers for the others</param>
    private protected FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters, Func<TrainedParameter, bool> keeps)
        : base(model, options, masters)
    {
        _means = Members.Where(keeps).ToDictionary(member => member.Index, member => new Moments(
            CreateState(() => zeros_like(member.Weight)), CreateState(() => zeros_like(member.Weight))));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        from kind in ((string Name, Func<Moments, Tensor> Of)[])[("exp_avg", means => means.First), ("exp_avg_sq", means => means.Second)]
        from member in Members
        where _means.ContainsKey(member.Index)
        select ($"{kind.Name}.{member.Name}", kind.Of(_means[member.Index]));

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace)
    {
        if (members.Length == 0)
        {
            return;
        }
        Device device = members[0].Weight.device;
        // on the device, without a copy that the host would wait for
        Tensor Filled(double value) => full([], value, ScalarType.Float32, device);
        Tensor[] Of(Func<Moments, Tensor> of) => [.. members.Select(member => of(_means[member.Index]))];
        Tensor[] weights = [.. members.Select(member => member.Weight)];
        Tensor[] steps = new Tensor[members.Length];
        Array.Fill(steps, Filled(StepCount)); // the kernel reads them
        TorchOps.FusedAdamW(
            weights, gradients, Of(m => m.First), Of(m => m.Second), steps, (float)pace.LearningRate, Options.Beta1, Options.Beta2,
            pace.WeightDecay, Options.Eps, gradientScale: Filled(1 / pace.GradientScale), foundInf: Filled(0)); // it divides by the scale
    }

    /// <param name="First">of the gradient</param>
    /// <param name="Second">of its square</param>
    private sealed record Moments(Tensor First, Tensor Second);
}
