using Skipwise.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>How gradients become updates.</summary>
public enum OptimizerKind
{
    /// <summary>two float32 means per weight</summary>
    Adamw,
    /// <summary>the two means in 8 bits each</summary>
    Adamw8bit,
    /// <summary>one mean per row and column of a matrix</summary>
    Adafactor,
}

/// <summary>
/// Updates a model's trained weights from their gradients. What optimizers share: the gradients' common norm, groups of parameters with
/// a learning rate and a decay of their own, float32 masters behind weights of other types and devices.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private const long ElementsAtOnce = 1 << 25; // of gradients that have to be widened or fetched: 128 MB

    // The sum is made in float32, whatever the gradients are: the square of a float16 overflows at 256.
    private static readonly Lazy<jit.CompilationUnit> s_norm = new(() => jit.compile("""
        def norm(g: List[Tensor]):
            return torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2, dtype=6)))

        """));

    private readonly MasterWeights _masters;
    private readonly bool _ownsMasters;
    private readonly Dictionary<int, Tensor> _accumulated = []; // by a member's index
    // parameters by what they share, in pieces that are updated at once
    private readonly (TrainedParameter[] Members, bool Decays, double Scale)[] _groups;

    private protected Optimizer(CausalLM model, AdamWOptions options, MasterWeights? masters)
    {
        (_masters, _ownsMasters, Options) = (masters ?? MasterWeights.Create(model), masters is null, options);
        var roles = ModelParameter.AllOf(model).ToDictionary(parameter => parameter.Name, parameter => parameter.Role);
        Members =
        [
            .. _masters.Entries.Select((weight, index) =>
                new TrainedParameter(index, weight.Name, roles[weight.Name], weight.Parameter, weight.Master)),
        ];
        _groups =
        [
            .. Members.GroupBy(member => (Decays: member.Weight.dim() >= 2, Scale: options.Scales.Of(member.Role)))
                .SelectMany(group => SplitGroup([.. group]).Select(piece => (piece, group.Key.Decays, group.Key.Scale))),
        ];
    }

    /// <summary>The optimizer that the options name.</summary>
    /// <param name="masters">of the model; stay the caller's</param>
    public static Optimizer Create(CausalLM model, TrainOptions options, MasterWeights masters) => options.Optimizer switch
    {
        OptimizerKind.Adamw8bit => new AdamW8Bit(model, options.AdamW, masters),
        OptimizerKind.Adafactor => new Adafactor(model, options.AdamW, masters),
        _ => new FusedAdamW(model, options.AdamW, masters),
    };

    /// <summary>optimizer steps taken</summary>
    public int StepCount { get; private set; }

    /// <summary>The weights behind the model's.</summary>
    public MasterWeights Masters => _masters;

    /// <summary>bytes that it keeps besides the weights</summary>
    public long StateBytes => State().Sum(state => state.Value.numel() * state.Value.element_size());

    private protected AdamWOptions Options { get; }

    private protected IReadOnlyList<TrainedParameter> Members { get; }

    /// <summary>
    /// Sets the gradients of a micro-batch aside, added to those of others: in float32, with the masters, for in a narrower type every
    /// addition would round. Gradients that are float32 themselves stay where they are and add up there.
    /// </summary>
    public void AccumulateGradients()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (TrainedParameter member in Members.Where(member => member.Parameter.dtype != ScalarType.Float32))
        {
            if (member.Parameter.grad is not { } gradient)
            {
                continue;
            }
            Tensor wide = gradient.to(ScalarType.Float32, member.Weight.device);
            if (_accumulated.TryGetValue(member.Index, out Tensor? sum))
            {
                sum.add_(wide);
            }
            else
            {
                _accumulated[member.Index] = wide.DetachFromDisposeScope();
            }
            member.Parameter.grad = null;
        }
    }

    /// <summary>The norm over all gradients: a 0-dim tensor on the model's device, so that the caller decides when to wait for
    /// it.</summary>
    public Tensor GradientNorm()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] gradients = [.. Members.Select(GradientOf).OfType<Tensor>()];
        Tensor norm = gradients.Length == 0 ? zeros([], ScalarType.Float32, CPU) : (Tensor)s_norm.Value.invoke("norm", (object)gradients);
        return norm.to(Members[0].Parameter.device).MoveToOuterDisposeScope();
    }

    /// <summary>Updates every weight and drops the gradients.</summary>
    /// <param name="learningRate">of groups that learn as fast as the schedule says</param>
    /// <param name="scale">gradients are multiplied with it: what clipping and an unscaled loss ask for</param>
    public void Step(double learningRate, double scale)
    {
        using var _ = no_grad();
        StepCount++;
        foreach ((TrainedParameter[] members, bool decays, double faster) in _groups)
        {
            using var scope = NewDisposeScope();
            Tensor[] gradients =
                [.. members.Select(member => GradientOf(member)?.to(ScalarType.Float32, member.Weight.device)
                    ?? zeros_like(member.Weight))];
            Apply(members, gradients, new GroupStep(learningRate * faster, scale, decays ? Options.WeightDecay : 0));
            ZeroGrad(members);
        }
        _masters.CopyToModel();
    }

    /// <summary>Clips the gradients' common norm to <paramref name="maxGradNorm"/>, updates every weight, and drops the
    /// gradients.</summary>
    /// <returns>the norm before clipping; when it is not finite nothing has been updated</returns>
    public double ClipAndStep(double learningRate, double maxGradNorm)
    {
        using Tensor read = GradientNorm();
        double norm = read.ToDouble();
        if (double.IsFinite(norm))
        {
            Step(learningRate, ClipCoefficient(norm, maxGradNorm));
        }
        else
        {
            ZeroGrad();
        }
        return norm;
    }

    /// <summary>What gradients of this norm are multiplied with.</summary>
    /// <param name="maxGradNorm">0 does not clip</param>
    public static double ClipCoefficient(double norm, double maxGradNorm) => maxGradNorm > 0 ? Math.Min(1, maxGradNorm / (norm + 1e-6)) : 1;

    /// <summary>Drops the gradients of a step that is not taken.</summary>
    public void ZeroGrad() => ZeroGrad(Members);

    /// <summary>What it keeps, by name, to save; valid while the optimizer lives.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State();

    /// <summary>Continues after <paramref name="steps"/> steps, when the state and the masters have been read into their tensors.</summary>
    public void Resume(int steps)
    {
        using var _ = no_grad();
        StepCount = steps;
        _masters.CopyToModel();
    }

    /// <summary>Frees the optimizer state.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    private protected abstract void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace);

    /// <summary>Frees the optimizer state.</summary>
    protected virtual void Dispose(bool disposing)
    {
        ZeroGrad();
        foreach ((_, Tensor value) in State())
        {
            value.Dispose();
        }
        if (_ownsMasters)
        {
            _masters.Dispose();
        }
    }

    private Tensor? GradientOf(TrainedParameter member) => _accumulated.GetValueOrDefault(member.Index) ?? member.Parameter.grad;

    private void ZeroGrad(IEnumerable<TrainedParameter> members)
    {
        foreach (TrainedParameter member in members)
        {
            member.Parameter.grad = null;
            if (_accumulated.Remove(member.Index, out Tensor? sum))
            {
                sum.Dispose();
            }
        }
    }

    /// <summary>A state tensor, which lives as long as the optimizer.</summary>
    internal static Tensor CreateState(Func<Tensor> make)
    {
        using IDisposable noGradient = no_grad();
        return make().DetachFromDisposeScope();
    }

    private IEnumerable<TrainedParameter[]> SplitGroup(TrainedParameter[] members)
    {
        if (!_masters.AreSeparate)
        {
            return [members]; // the gradients are used where they lie
        }
        var pieces = new List<List<TrainedParameter>>();
        long room = 0;
        foreach (TrainedParameter member in members)
        {
            room -= member.Weight.numel();
            if (room < 0)
            {
                pieces.Add([]);
                room = ElementsAtOnce - member.Weight.numel();
            }
            pieces[^1].Add(member);
        }
        return pieces.Select(piece => piece.ToArray());
    }

    /// <summary>A parameter and the float32 weight that is updated for it.</summary>
    /// <param name="Index">its place among all</param>
    private protected sealed record TrainedParameter(int Index, string Name, ParameterRole Role, Parameter Parameter, Tensor Weight);

    /// <summary>How far a group goes.</summary>
    /// <param name="LearningRate">its learning rate</param>
    /// <param name="GradientScale">of the gradients</param>
    /// <param name="WeightDecay">of the weights, decoupled</param>
    private protected readonly record struct GroupStep(double LearningRate, double GradientScale, double WeightDecay);
}
