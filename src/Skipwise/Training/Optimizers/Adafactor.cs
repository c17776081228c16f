using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// Adafactor (Shazeer, Stern 2018, arXiv 1804.04235): the second moment of a matrix is factored into the moments of its rows and columns;
/// there is no first moment. Relative step sizes and parameter scaling are off: the learning rate is the schedule's. An update whose root
/// mean square exceeds 1 is clipped to 1.
/// </summary>
public sealed class Adafactor : Optimizer
{
    /// <summary>the second moment's decay is 1 - t^-0.8: 0 at first, so no bias correction is needed</summary>
    private const double DecayPower = 0.8;

    private readonly Dictionary<int, FactoredMoment> _moments;
    private readonly jit.CompilationUnit _kernel;

    /// <param name="options">weight decay and learning-rate multipliers are used</param>
    /// <param name="masters">the model's; null: its own weights, in float32</param>
    /// <param name="owns">whether this optimizer updates the parameter of that name; null: all trained parameters</param>
    public Adafactor(CausalLM model, AdamWOptions options, MasterWeights? masters = null, Func<string, bool>? owns = null)
        : base(model, options, masters, owns)
    {
        Tensor Zeros(TrainedParameter member, params long[] shape) =>
            CreateState(() => zeros(shape, ScalarType.Float32, member.Weight.device));
        _moments = Members.ToDictionary(member => member.Index, member => member.Weight.dim() == 2
            ? new FactoredMoment(Zeros(member, member.Weight.size(0)), Zeros(member, member.Weight.size(1)))
            : new FactoredMoment(Zeros(member, member.Weight.shape), null));
        // keep: the decay of the moments; 1e-30 is added to every square
        _kernel = jit.compile("""
            def average(mean: Tensor, fresh: Tensor, keep: Tensor):
                mean.mul_(keep).add_(fresh * (1 - keep))

            def step(w: Tensor, update: Tensor, lr: Tensor, decay: Tensor):
                size = (torch.linalg_vector_norm(update) / float(update.numel()) ** 0.5).clamp_min(1.0)
                w.mul_(decay).sub_(update * (lr / size))

            def matrix(w: Tensor, g: Tensor, rows: Tensor, columns: Tensor, keep: Tensor, scale: Tensor, lr: Tensor, decay: Tensor):
                g = g * scale
                square = (g * g).add_(1e-30)
                average(rows, square.mean(1), keep)
                average(columns, square.mean(0), keep)
                step(w, g.mul_((rows / rows.mean()).rsqrt_().unsqueeze(1)).mul_(columns.rsqrt()), lr, decay)

            def other(w: Tensor, g: Tensor, exp_avg_sq: Tensor, keep: Tensor, scale: Tensor, lr: Tensor, decay: Tensor):
                g = g * scale
                average(exp_avg_sq, (g * g).add_(1e-30), keep)
                step(w, g.mul_(exp_avg_sq.rsqrt()), lr, decay)

            """);
    }

    /// <inheritdoc/>
    internal override IEnumerable<OptimizerStateTensor> StateTensors() =>
        from member in Members
        let moments = _moments[member.Index]
        from state in moments.Columns is { } columns
            ? ((string Kind, Tensor Value)[])[("exp_avg_sq_row", moments.Rows), ("exp_avg_sq_col", columns)]
            : [("exp_avg_sq", moments.Rows)]
        select new OptimizerStateTensor($"{state.Kind}.{member.Name}", state.Value, state.Value.shape, member.Weight.numel(), PerValue: 1);

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep group)
    {
        Tensor keep = (float)(1 - Math.Pow(StepCount, -DecayPower)), scale = (float)group.GradientScale, lr = (float)group.LearningRate,
            decay = (float)(1 - (group.LearningRate * group.WeightDecay));
        foreach ((TrainedParameter member, Tensor gradient) in members.Zip(gradients))
        {
            using var scope = NewDisposeScope();
            FactoredMoment moments = _moments[member.Index];
            _ = moments.Columns is null
                ? _kernel.invoke("other", member.Weight, gradient, moments.Rows, keep, scale, lr, decay)
                : _kernel.invoke("matrix", member.Weight, gradient, moments.Rows, moments.Columns, keep, scale, lr, decay);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _kernel.Dispose();
    }

    /// <param name="Rows">mean square of each row; of each element if the parameter is no matrix</param>
    /// <param name="Columns">mean square of each column</param>
    private sealed record FactoredMoment(Tensor Rows, Tensor? Columns);
}
