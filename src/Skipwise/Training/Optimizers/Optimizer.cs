using Skipwise.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>Optimizer algorithms.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW, two float32 moments per weight</summary>
    Adamw,
    /// <summary>AdamW with both moments quantized to 8 bits</summary>
    Adamw8bit,
    /// <summary>Adafactor, one mean square per row and column of a matrix</summary>
    Adafactor,
}

/// <summary>
/// Updates a model's trained weights from their gradients. The base class of the optimizers holds the global gradient norm, parameter
/// groups with their own learning rate and weight decay, and float32 master weights.
/// </summary>
/// <remarks>
/// An optimizer can own a part of the parameters, for example where several processes divide the optimizer state (Rajbhandari et al. 2020,
/// ZeRO). It then holds state only for these, and reads, updates and clears only their gradients. Clipping needs the norm over all
/// parameters: the caller adds up the optimizers' <see cref="SumOfSquares"/> and passes the sum to each
/// (<see cref="ClipAndStep(double, double, double)"/>).
/// </remarks>
public abstract class Optimizer : IDisposable
{
    private const long ElementsAtOnce = 1 << 25; // of gradients to be converted or copied: 128 MB

    // The sum is float32 for every gradient type: the square of a float16 overflows at 256.
    private static readonly Lazy<jit.CompilationUnit> s_norm = new(() => jit.compile("""
        def norm(g: List[Tensor]):
            return torch.linalg_vector_norm(torch.stack(torch._foreach_norm(g, 2, dtype=6)))

        """));

    private readonly CausalLM _model;
    private readonly MasterWeights _masters;
    private readonly bool _ownsMasters;
    private readonly Dictionary<int, Tensor> _accumulated = []; // float32 gradients by a parameter's index
    // parameters by learning rate and decay, in slices that are updated per call
    private readonly (TrainedParameter[] Members, bool Decays, double Scale)[] _groups;
    private readonly TrainedParameter[] _all; // whoever owns them

    private protected Optimizer(CausalLM model, AdamWOptions options, MasterWeights? masters, Func<string, bool>? owns)
    {
        (_model, _masters, _ownsMasters, Options) = (model, masters ?? MasterWeights.Create(model), masters is null, options);
        var roles = ModelParameter.AllOf(model).ToDictionary(parameter => parameter.Name, parameter => parameter.Role);
        _all =
        [
            .. _masters.Entries.Select((weight, index) =>
                new TrainedParameter(index, weight.Name, roles[weight.Name], weight.Parameter, weight.Master)),
        ];
        Members = owns is null ? _all : [.. _all.Where(member => owns(member.Name))];
        _groups =
        [
            .. Members.Where(member => member.Weight.numel() > 0) // of a small weight a rank may have no part
                .GroupBy(member => (Decays: member.Parameter.dim() >= 2, Scale: options.Scales.Of(member.Role)))
                .SelectMany(group => SplitGroup([.. group]).Select(slice => (slice, group.Key.Decays, group.Key.Scale))),
        ];
    }

    /// <summary>Creates the optimizer that the options name.</summary>
    /// <param name="masters">the model's; the caller disposes them</param>
    /// <param name="owns">whether this optimizer updates the parameter of that name; null: all trained parameters</param>
    public static Optimizer Create(CausalLM model, TrainOptions options, MasterWeights masters, Func<string, bool>? owns = null) =>
        options.Optimizer switch
        {
            OptimizerKind.Adamw8bit => new AdamW8Bit(model, options.AdamW, masters, owns),
            OptimizerKind.Adafactor => new Adafactor(model, options.AdamW, masters, owns),
            _ => new FusedAdamW(model, options.AdamW, masters, owns),
        };

    /// <summary>optimizer steps taken</summary>
    public int StepCount { get; private set; }

    /// <summary>The master weights.</summary>
    public MasterWeights Masters => _masters;

    /// <summary>bytes of the optimizer state</summary>
    public long StateBytes => State().Sum(state => state.Value.numel() * state.Value.element_size());

    /// <summary>bytes of the gradients that exist now: the parameters', and what has been accumulated</summary>
    internal long GradientBytes => _all.Select(member => member.Parameter.grad).OfType<Tensor>().Concat(_accumulated.Values)
        .Sum(gradient => gradient.numel() * gradient.element_size());

    /// <summary>The optimizer state by name, for saving; valid while the optimizer lives.</summary>
    public IEnumerable<(string Name, Tensor Value)> State() => StateTensors().Select(state => (state.Name, state.Value));

    private protected AdamWOptions Options { get; }

    /// <summary>The owned parameters.</summary>
    private protected IReadOnlyList<TrainedParameter> Members { get; }

    /// <summary>device of the optimizer state: the master weights'</summary>
    private protected Device StateDevice => Members.Count > 0 ? Members[0].Weight.device : _model.Device;

    /// <summary>
    /// Adds this micro-batch's gradients to float32 accumulators on the master weights' device and clears them. Float32 gradients
    /// accumulate in place.
    /// </summary>
    public void AccumulateGradients()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach (TrainedParameter member in Members.Where(member => member.Parameter.dtype != ScalarType.Float32))
        {
            if (member.Parameter.grad is { } gradient)
            {
                AddGradient(member.Index, gradient.to(ScalarType.Float32, member.Weight.device));
                member.Parameter.grad = null;
            }
        }
    }

    /// <summary>Adds to what has been accumulated of a parameter's gradient.</summary>
    /// <param name="index">in <see cref="MasterWeights.Entries"/></param>
    /// <param name="gradient">float32; of the part that this rank updates, if the weights are divided</param>
    internal void AddGradient(int index, Tensor gradient)
    {
        if (_accumulated.TryGetValue(index, out Tensor? sum))
        {
            sum.add_(gradient);
        }
        else
        {
            _accumulated[index] = gradient.alias().DetachFromDisposeScope();
        }
    }

    /// <summary>Takes the gradient of a parameter out.</summary>
    /// <param name="index">in <see cref="MasterWeights.Entries"/></param>
    /// <param name="withAccumulated">with what has been accumulated</param>
    /// <returns>in the parameter's shape, the caller's; null if there is none</returns>
    internal Tensor? TakeGradient(int index, bool withAccumulated)
    {
        using var scope = NewDisposeScope();
        Parameter parameter = _all[index].Parameter;
        Tensor? gradient = parameter.grad;
        parameter.grad = null;
        if (withAccumulated && _accumulated.Remove(index, out Tensor? sum))
        {
            return (gradient is null ? sum : sum.add_(gradient.to(ScalarType.Float32, sum.device))).MoveToOuterDisposeScope();
        }
        return gradient?.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Global norm of the gradients of all owned parameters: a 0-dim tensor on the model's device, so that the caller decides when to
    /// synchronize.
    /// </summary>
    public Tensor GradientNorm()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] gradients = [.. Members.Select(GradientOf).OfType<Tensor>().Where(gradient => gradient.numel() > 0)];
        Tensor norm = gradients.Length == 0 ? zeros([], ScalarType.Float32, CPU) : (Tensor)s_norm.Value.invoke("norm", (object)gradients);
        return norm.to(_model.Device).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The square of <see cref="GradientNorm"/>: a 0-dim float64 tensor on the model's device. The square root of the sum over several
    /// optimizers is the norm over the parameters of all.
    /// </summary>
    public Tensor SumOfSquares()
    {
        using var scope = NewDisposeScope();
        return GradientNorm().to(ScalarType.Float64).square().MoveToOuterDisposeScope();
    }

    /// <summary>Updates every owned weight and clears the gradients of these.</summary>
    /// <param name="learningRate">of groups whose multiplier is 1</param>
    /// <param name="scale">gradients are multiplied by it: clipping and loss scale</param>
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
        if (_masters.Ranks is not null)
        {
            ZeroGrad(); // of weights of which this rank has no part
        }
        CopyToModel();
    }

    /// <summary>Clips the global gradient norm to <paramref name="maxGradNorm"/>, updates every weight, and clears the gradients.</summary>
    /// <returns>the norm before clipping; if it is not finite, nothing was updated</returns>
    public double ClipAndStep(double learningRate, double maxGradNorm)
    {
        using Tensor read = GradientNorm();
        return ClipAndStepBy(read.ToDouble(), learningRate, maxGradNorm);
    }

    /// <summary>
    /// Clips the norm over the parameters of several optimizers to <paramref name="maxGradNorm"/>, updates every weight that this one owns,
    /// and clears the gradients of these.
    /// </summary>
    /// <param name="sumOfSquares">sum of all optimizers' <see cref="SumOfSquares"/>, all read before the first optimizer steps</param>
    /// <returns>the norm before clipping; if it is not finite, nothing was updated</returns>
    public double ClipAndStep(double learningRate, double maxGradNorm, double sumOfSquares) =>
        ClipAndStepBy(Math.Sqrt(sumOfSquares), learningRate, maxGradNorm);

    private double ClipAndStepBy(double norm, double learningRate, double maxGradNorm)
    {
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

    /// <summary>Factor that clips gradients of this norm.</summary>
    /// <param name="maxGradNorm">0 does not clip</param>
    public static double ClipCoefficient(double norm, double maxGradNorm) => maxGradNorm > 0 ? Math.Min(1, maxGradNorm / (norm + 1e-6)) : 1;

    /// <summary>Clears the gradients of a skipped step, of the owned parameters.</summary>
    public void ZeroGrad() => ZeroGrad(Members);

    /// <summary>The optimizer state with what is needed to divide it among ranks, in the order of a checkpoint.</summary>
    internal abstract IEnumerable<OptimizerStateTensor> StateTensors();

    /// <summary>
    /// Continues after <paramref name="steps"/> steps, once the state and the master weights have been read into their tensors.
    /// </summary>
    public void Resume(int steps)
    {
        using var _ = no_grad();
        StepCount = steps;
        CopyToModel();
    }

    /// <summary>Frees the optimizer state.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    private protected abstract void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep group);

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

    /// <summary>Copies the owned master weights to the model.</summary>
    private void CopyToModel() => _masters.CopyToModel(Members.Select(member => (member.Parameter, member.Weight)));

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

    /// <summary>Creates a state tensor, which lives as long as the optimizer.</summary>
    internal static Tensor CreateState(Func<Tensor> make)
    {
        using IDisposable noGradient = no_grad();
        return make().DetachFromDisposeScope();
    }

    private IEnumerable<TrainedParameter[]> SplitGroup(TrainedParameter[] members)
    {
        if (!_masters.AreSeparate)
        {
            return [members]; // the gradients are used in place
        }
        var slices = new List<List<TrainedParameter>>();
        long remaining = 0;
        foreach (TrainedParameter member in members)
        {
            remaining -= member.Weight.numel();
            if (remaining < 0)
            {
                slices.Add([]);
                remaining = ElementsAtOnce - member.Weight.numel();
            }
            slices[^1].Add(member);
        }
        return slices.Select(slice => slice.ToArray());
    }

    /// <summary>A parameter and its master weight.</summary>
    /// <param name="Index">index among all trained parameters, whoever owns them</param>
    private protected sealed record TrainedParameter(int Index, string Name, ParameterRole Role, Parameter Parameter, Tensor Weight);

    /// <summary>Settings of one group's step.</summary>
    /// <param name="LearningRate">the group's learning rate</param>
    /// <param name="GradientScale">factor of the gradients</param>
    /// <param name="WeightDecay">decoupled weight decay</param>
    private protected readonly record struct GroupStep(double LearningRate, double GradientScale, double WeightDecay);
}
