using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// Adafactor (Shazeer, Stern 2018, arXiv 1804.04235): of a matrix's squared gradients only the mean of each row and each column is
/// kept, and their outer product stands for the rest; no mean of the gradients themselves. Its own learning rates (relative steps, scaled
/// by a parameter's size) are off: the rate is the schedule's. An update whose root mean square exceeds 1 is scaled back to it.
/// </summary>
public sealed class Adafactor : Optimizer
{
    /// <summary>the decay of the means is 1 - t^-0.8: 0 at first, so that they need no correction</summary>
    private const double DecayPower = 0.8;

    private readonly Dictionary<int, FactoredMoment> _means;
    private readonly jit.CompilationUnit _kernel;

    /// <param name="options">of these, weight decay and the groups' rates</param>
    /// <param name="masters">of the model; null: its own weights, in float32</param>
    public Adafactor(CausalLM model, AdamWOptions options, MasterWeights? masters = null) : base(model, options, masters)
    {
        Tensor Zeros(TrainedParameter member, params long[] shape) =>
            CreateState(() => zeros(shape, ScalarType.Float32, member.Weight.device));
        _means = Members.ToDictionary(member => member.Index, member => member.Weight.dim() == 2
            ? new FactoredMoment(Zeros(member, member.Weight.size(0)), Zeros(member, member.Weight.size(1)))
            : new FactoredMoment(Zeros(member, member.Weight.shape), null));
        // keep: the share of the old means; 1e-30 is added to every square
        _kernel = jit.compile("""
            def mix(mean: Tensor, fresh: Tensor, keep: Tensor):
                mean.mul_(keep).add_(fresh * (1 - keep))

            def go(w: Tensor, update: Tensor, lr: Tensor, decay: Tensor):
                size = (torch.linalg_vector_norm(update) / float(update.numel()) ** 0.5).clamp_min(1.0)
                w.mul_(decay).sub_(update * (lr / size))

            def matrix(w: Tensor, g: Tensor, rows: Tensor, columns: Tensor, keep: Tensor, scale: Tensor, lr: Tensor, decay: Tensor):
                g = g * scale
                square = (g * g).add_(1e-30)
                mix(rows, square.mean(1), keep)
                mix(columns, square.mean(0), keep)
                go(w, g.mul_((rows / rows.mean()).rsqrt_().unsqueeze(1)).mul_(columns.rsqrt()), lr, decay)

            def other(w: Tensor, g: Tensor, mean: Tensor, keep: Tensor, scale: Tensor, lr: Tensor, decay: Tensor):
                g = g * scale
                mix(mean, (g * g).add_(1e-30), keep)
                go(w, g.mul_(mean.rsqrt()), lr, decay)

            """);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        Members.SelectMany(member => _means[member.Index] is { Columns: { } columns } means
        ? ((string, Tensor)[])[($"exp_avg_sq_row.{member.Name}", means.Rows), ($"exp_avg_sq_col.{member.Name}", columns)]
        : [($"exp_avg_sq.{member.Name}", _means[member.Index].Rows)]);

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace)
    {
        Tensor keep = (float)(1 - Math.Pow(StepCount, -DecayPower)), scale = (float)pace.GradientScale, lr = (float)pace.LearningRate,
            decay = (float)(1 - (pace.LearningRate * pace.WeightDecay));
        foreach ((TrainedParameter member, Tensor gradient) in members.Zip(gradients))
        {
            using var scope = NewDisposeScope();
            FactoredMoment means = _means[member.Index];
            _ = means.Columns is null
                ? _kernel.invoke("other", member.Weight, gradient, means.Rows, keep, scale, lr, decay)
                : _kernel.invoke("matrix", member.Weight, gradient, means.Rows, means.Columns, keep, scale, lr, decay);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _kernel.Dispose();
    }

    /// <param name="Rows">mean square of each row; of each number where the parameter is no matrix</param>
    /// <param name="Columns">mean square of each column</param>
    private sealed record FactoredMoment(Tensor Rows, Tensor? Columns);
}
