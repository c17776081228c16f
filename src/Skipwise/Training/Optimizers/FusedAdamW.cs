using Skipwise.Models;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW (Loshchilov, Hutter 2019) by libtorch's fused kernel: one call updates every parameter, with gradient clipping folded in.
/// TorchSharp does not wrap the kernel (<see cref="TorchOps"/>).
/// </summary>
public class FusedAdamW : Optimizer
{
    private readonly Dictionary<int, Moments> _moments;

    /// <param name="masters">the model's; null: its own weights, in float32</param>
    /// <param name="owns">whether this optimizer updates the parameter of that name; null: all trained parameters</param>
    public FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters = null, Func<string, bool>? owns = null)
        : this(model, options, masters, owns, _ => true) { }

    /// <param name="keeps">parameters with float32 moments; a derived class holds the others</param>
    private protected FusedAdamW(CausalLM model, AdamWOptions options, MasterWeights? masters, Func<string, bool>? owns,
        Func<TrainedParameter, bool> keeps)
        : base(model, options, masters, owns)
    {
        _moments = Members.Where(keeps).ToDictionary(member => member.Index, member => new Moments(
            CreateState(() => zeros_like(member.Weight)), CreateState(() => zeros_like(member.Weight))));
    }

    /// <inheritdoc/>
    internal override IEnumerable<OptimizerStateTensor> StateTensors() =>
        from kind in ((string Name, Func<Moments, Tensor> Of)[])[("exp_avg", m => m.First), ("exp_avg_sq", m => m.Second)]
        from member in Members
        where _moments.ContainsKey(member.Index)
        select new OptimizerStateTensor($"{kind.Name}.{member.Name}", kind.Of(_moments[member.Index]), member.Parameter.shape,
            member.Parameter.numel(), PerValue: 1);

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep group)
    {
        if (members.Length == 0)
        {
            return;
        }
        Device device = members[0].Weight.device;
        // created on the device, without a copy that the CPU would wait for
        Tensor Filled(double value) => full([], value, ScalarType.Float32, device);
        Tensor[] Of(Func<Moments, Tensor> of) => [.. members.Select(member => of(_moments[member.Index]))];
        Tensor[] weights = [.. members.Select(member => member.Weight)];
        Tensor[] steps = new Tensor[members.Length];
        Array.Fill(steps, Filled(StepCount)); // the kernel reads them
        TorchOps.FusedAdamW(
            weights, gradients, Of(m => m.First), Of(m => m.Second), steps, (float)group.LearningRate, Options.Beta1, Options.Beta2,
            group.WeightDecay, Options.Eps, gradientScale: Filled(1 / group.GradientScale), foundInf: Filled(0)); // it divides by the scale
    }

    /// <param name="First">first moment, exp_avg</param>
    /// <param name="Second">second moment, exp_avg_sq</param>
    private sealed record Moments(Tensor First, Tensor Second);
}
