using Skipwise.Distributed;
using Skipwise.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training.Parallel;

/// <summary>
/// Parameters of which each rank keeps a part, and which all ranks gather before they compute with them (ZeRO 3). The part may be of
/// another type, or on another device: it is converted before it is sent.
/// </summary>
/// <param name="collective">the ranks</param>
/// <param name="dtype">of gathered parameters; null: that of their parts</param>
/// <param name="device">of gathered parameters</param>
/// <param name="beyond">where other parameters are; null: in place</param>
internal sealed class ShardedParameters(
    ICollective collective, ScalarType? dtype, Device device, IParameterResidence? beyond = null) : IParameterResidence, IDisposable
{
    private readonly Dictionary<Parameter, Sharded> _all = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Parameter, (Parameter, Tensor, ICollectiveHandle)> _ahead = new(ReferenceEqualityComparer.Instance);

    /// <summary>Parts of all parameters of a model that is about to be loaded: each is divided as soon as it has been read.</summary>
    public static ShardedParameters ForLoading(CausalLM model, ICollective collective)
    {
        var result = new ShardedParameters(collective, dtype: null, CPU);
        foreach ((_, Parameter parameter) in model.named_parameters())
        {
            long length = new ShardLayout(parameter.numel(), collective.Size).Length(collective.Rank);
            result.Add(parameter, empty(length, parameter.dtype, CPU).DetachFromDisposeScope(), parameter.shape);
        }
        return result;
    }

    /// <summary>Keeps a part of a parameter here from now on; the parameter loses its values.</summary>
    /// <param name="part">this rank's part, [n]; it has to live as long as this does</param>
    /// <param name="shape">of the whole</param>
    public void Add(Parameter parameter, Tensor part, long[] shape)
    {
        _all[parameter] = new Sharded(part, shape);
        Release(parameter, _all[parameter]);
    }

    /// <summary>Takes this rank's part of a parameter out; it is the caller's, in its scope. null if there is none.</summary>
    public Tensor? Take(Parameter parameter)
    {
        Tensor? part = _all.GetValueOrDefault(parameter)?.Part.alias();
        if (_all.Remove(parameter, out Sharded? sharded))
        {
            sharded.Part.Dispose();
        }
        return part;
    }

    /// <inheritdoc/>
    public bool Holds(Parameter parameter) => _all.ContainsKey(parameter) || beyond?.Holds(parameter) == true;

    /// <inheritdoc/>
    public IDisposable Gather(IEnumerable<Parameter> parameters)
    {
        using IDisposable noGradient = no_grad();
        ILookup<bool, Parameter> asked = parameters.ToLookup(_all.ContainsKey);
        Parameter[] held = [.. asked[true]];
        IDisposable? others = beyond?.Gather(asked[false]);
        var begun = new List<(Parameter Parameter, Tensor Whole, ICollectiveHandle Handle)>();
        foreach (Parameter parameter in held.Where(parameter => _all[parameter].Users++ == 0))
        {
            begun.Add(_ahead.Remove(parameter, out var early) ? early : Begin(parameter, _all[parameter]));
        }
        foreach ((Parameter parameter, Tensor whole, ICollectiveHandle handle) in begun)
        {
            handle.Wait();
            using var scope = NewDisposeScope();
            Sharded sharded = _all[parameter];
            ParameterData.Set(parameter, whole.narrow(0, 0, sharded.Elements).view(sharded.Shape));
            whole.Dispose();
        }
        return new Use(this, held, others);
    }

    /// <inheritdoc/>
    public void GatherAhead(IEnumerable<Parameter> parameters)
    {
        using IDisposable noGradient = no_grad();
        foreach (Parameter parameter in parameters.Where(parameter =>
            _all.TryGetValue(parameter, out Sharded? sharded) && sharded.Users == 0 && !_ahead.ContainsKey(parameter)))
        {
            _ahead[parameter] = Begin(parameter, _all[parameter]);
        }
    }

    /// <inheritdoc/>
    public void Store(Parameter parameter, Tensor whole)
    {
        if (!_all.TryGetValue(parameter, out Sharded? sharded))
        {
            beyond!.Store(parameter, whole);
            return;
        }
        using IDisposable noGradient = no_grad();
        using Tensor part = Layout(sharded).Part(whole, collective.Rank);
        sharded.Part.copy_(part);
    }

    /// <summary>Frees the parts that have not been taken out, and what a step that did not end has gathered ahead.</summary>
    public void Dispose()
    {
        foreach ((_, Tensor whole, ICollectiveHandle handle) in _ahead.Values)
        {
            try
            {
                handle.Wait(); // the operation writes into the tensor
                whole.Dispose();
            }
            catch (SkipwiseException)
            {
                // the job has failed, and says why elsewhere; an operation that did not end may still write there
            }
        }
        _ahead.Clear();
        foreach (Sharded sharded in _all.Values)
        {
            sharded.Part.Dispose();
        }
    }

    private (Parameter, Tensor, ICollectiveHandle) Begin(Parameter parameter, Sharded sharded)
    {
        using var scope = NewDisposeScope();
        ShardLayout layout = Layout(sharded);
        Tensor whole = empty(collective.Size * layout.PerRank, dtype ?? sharded.Part.dtype, device);
        Tensor own = whole.narrow(0, collective.Rank * layout.PerRank, layout.PerRank);
        own.narrow(0, 0, sharded.Part.numel()).copy_(sharded.Part);
        ICollectiveHandle handle = collective.AllGatherAsync(own, whole);
        return (parameter, whole.DetachFromDisposeScope(), handle);
    }

    /// <summary>Leaves shape and type, and one NaN in place of the values.</summary>
    private void Release(Parameter parameter, Sharded sharded)
    {
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        ParameterData.Set(parameter, full([1], double.NaN, dtype ?? sharded.Part.dtype, device).expand(sharded.Shape));
    }

    private ShardLayout Layout(Sharded sharded) => new(sharded.Elements, collective.Size);

    private sealed class Sharded(Tensor part, long[] shape)
    {
        public Tensor Part => part;

        public long[] Shape => shape;

        public long Elements { get; } = shape.Aggregate(1L, (product, size) => product * size);

        public int Users { get; set; }
    }

    private sealed class Use(ShardedParameters owner, Parameter[] parameters, IDisposable? others) : IDisposable
    {
        private bool _isDisposed;

        public void Dispose()
        {
            foreach (Parameter parameter in _isDisposed ? [] : parameters)
            {
                Sharded sharded = owner._all[parameter];
                if (--sharded.Users == 0)
                {
                    owner.Release(parameter, sharded);
                }
            }
            _isDisposed = true;
            others?.Dispose();
        }
    }
}
