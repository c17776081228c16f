using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training.Parallel;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// The float32 weights that an optimizer updates. A model may compute in half precision, in which an update of 1e-5 of a weight is rounded
/// away (Micikevicius et al. 2018), or on another device: then the master weights are separate tensors, and the model holds copies.
/// Otherwise they are the model's own weights. Where the optimizer state is divided among ranks, a rank has its part of each master weight.
/// </summary>
public sealed class MasterWeights : IDisposable
{
    private readonly CausalLM _model;
    private readonly IReadOnlyList<Tensor> _frozen = []; // parts of weights that are not trained

    private MasterWeights(CausalLM model, bool areApart)
    {
        (_model, AreSeparate) = (model, areApart);
        Entries = [.. model.named_parameters().Where(p => p.parameter.requires_grad)
            .Select(p => (p.name, p.parameter, p.parameter.detach().DetachFromDisposeScope()))];
    }

    private MasterWeights(CausalLM model, bool areApart, ICollective ranks, IReadOnlyList<(string, Parameter, Tensor)> entries,
        IReadOnlyList<Tensor> frozen)
    {
        (_model, AreSeparate, Ranks, _frozen) = (model, areApart, ranks, frozen);
        Entries = entries;
    }

    /// <summary>The ranks among which the weights are divided; null: this process has all of them.</summary>
    internal ICollective? Ranks { get; }

    /// <summary>Whether the model computes with copies.</summary>
    public bool AreSeparate { get; }

    /// <summary>Trained parameters, each with its float32 weight: this rank's elements of it, [n], where weights are divided.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter, Tensor Master)> Entries { get; }

    /// <summary>Uses the model's own weights as master weights.</summary>
    /// <exception cref="SkipwiseException">
    /// a trained weight is not float32: an update would be rounded away, or written out of bounds
    /// </exception>
    public static MasterWeights Create(CausalLM model)
    {
        if (model.named_parameters()
            .FirstOrDefault(p => p.parameter.requires_grad && p.parameter.dtype != ScalarType.Float32) is { parameter: { } narrow } found)
        {
            throw new SkipwiseException(
                $"{found.name} is {narrow.dtype}, and an optimizer updates float32 weights. Load the model in float32, let " +
                $"{nameof(MasterWeights)}.{nameof(Create)}(model, dtype, device, offload) make it compute in {narrow.dtype}, " +
                "and give the optimizer these masters.");
        }
        return new(model, areApart: false);
    }

    /// <summary>Moves a model to an element type and a device; its float32 weights become the master weights.</summary>
    /// <param name="model">in float32</param>
    /// <param name="offload">master weights and optimizer state stay in host memory</param>
    /// <exception cref="SkipwiseException">a weight overflows the type</exception>
    public static MasterWeights Create(CausalLM model, ScalarType dtype, Device device, bool offload)
    {
        using IDisposable noGradient = no_grad();
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            using Tensor moved = parameter.requires_grad
                ? parameter.to(ScalarType.Float32, offload ? CPU : device)
                : parameter.to(dtype, device);
            FiniteCheck.RequireInRange(parameter, moved, name);
            ParameterData.Set(parameter, moved);
        }
        LoraInjector.MoveQuantized(model, dtype, device);
        var masters = new MasterWeights(model, areApart: offload || dtype != ScalarType.Float32);
        foreach ((string name, Parameter parameter, Tensor master) in masters.AreSeparate ? masters.Entries : [])
        {
            using Tensor copy = master.to(dtype, device, copy: true);
            FiniteCheck.RequireInRange(master, copy, name);
            ParameterData.Set(parameter, copy);
        }
        return masters;
    }

    /// <summary>
    /// The same for one of several ranks, each of which keeps the optimizer state of its part of the weights, and with
    /// <see cref="Shard.Parameters"/> no more of the weights themselves.
    /// </summary>
    /// <param name="model">in float32; its parameters may be divided already, in host memory</param>
    internal static MasterWeights Create(
        CausalLM model, ScalarType dtype, Device device, bool offload, ICollective collective, Shard shard)
    {
        if (shard == Shard.None || collective.Size == 1)
        {
            return Create(model, dtype, device, offload);
        }
        using IDisposable noGradient = no_grad();
        MasterWeights result = shard == Shard.Parameters
            ? DividedWithParameters(model, dtype, device, offload, collective)
            : Divided(model, dtype, device, offload, collective);
        LoraInjector.MoveQuantized(model, dtype, device);
        return result;
    }

    /// <summary>Every rank has the whole model, and its part of the master weights.</summary>
    private static MasterWeights Divided(CausalLM model, ScalarType dtype, Device device, bool offload, ICollective collective)
    {
        bool areApart = offload || dtype != ScalarType.Float32;
        var entries = new List<(string, Parameter, Tensor)>();
        foreach ((string name, Parameter parameter) in model.named_parameters().ToArray())
        {
            using var scope = NewDisposeScope();
            var layout = new ShardLayout(parameter.numel(), collective.Size);
            Tensor? apart = parameter.requires_grad && areApart
                ? layout.Part(parameter, collective.Rank).to(ScalarType.Float32, offload ? CPU : device, copy: true)
                : null;
            Tensor moved = parameter.to(dtype, device);
            FiniteCheck.RequireInRange(parameter, moved, name);
            ParameterData.Set(parameter, moved);
            if (parameter.requires_grad)
            {
                entries.Add((name, parameter, (apart ?? layout.Part(parameter.detach(), collective.Rank)).DetachFromDisposeScope()));
            }
        }
        return new MasterWeights(model, areApart, collective, entries, []);
    }

    /// <summary>Every rank has its part of each parameter, in float32 if it is trained.</summary>
    private static MasterWeights DividedWithParameters(
        CausalLM model, ScalarType dtype, Device device, bool offload, ICollective collective)
    {
        using var loaded = model.Residence as ShardedParameters; // parameters may have been divided while they were read
        var residence = new ShardedParameters(collective, dtype, device);
        var entries = new List<(string, Parameter, Tensor)>();
        var frozen = new List<Tensor>();
        foreach ((string name, Parameter parameter) in model.named_parameters().ToArray())
        {
            using var scope = NewDisposeScope();
            Tensor part = loaded?.Take(parameter)
                ?? new ShardLayout(parameter.numel(), collective.Size).Part(parameter, collective.Rank).clone();
            FiniteCheck.RequireInRange(part, part.to(dtype, device), name);
            Tensor kept = (parameter.requires_grad ? part.to(ScalarType.Float32, offload ? CPU : device) : part.to(dtype, device))
                .DetachFromDisposeScope();
            residence.Add(parameter, kept, parameter.shape);
            if (parameter.requires_grad)
            {
                entries.Add((name, parameter, kept));
            }
            else
            {
                frozen.Add(kept);
            }
        }
        model.Residence = residence;
        return new MasterWeights(model, areApart: true, collective, entries, frozen);
    }

    /// <summary>Copies the master weights to the model, rounded to its type. Parts that other ranks have do not change.</summary>
    public void CopyToModel() => CopyToModel(Entries.Select(weight => (weight.Parameter, weight.Master)));

    /// <summary>Copies some of the master weights to the model, rounded to its type.</summary>
    /// <param name="entries">of <see cref="Entries"/></param>
    internal void CopyToModel(IEnumerable<(Parameter Parameter, Tensor Master)> entries)
    {
        if (AreSeparate)
        {
            using IDisposable noGradient = no_grad();
            foreach ((Parameter parameter, Tensor master) in entries)
            {
                if (Ranks is null)
                {
                    parameter.copy_(master);
                }
                else if (_model.Residence is null)
                {
                    using Tensor part = new ShardLayout(parameter.numel(), Ranks.Size).Part(parameter, Ranks.Rank);
                    part.copy_(master);
                }
            }
        }
    }

    /// <summary>
    /// Makes the master weights the model's own until the result is disposed: for saving, or for reading. Divided ones are gathered one by
    /// one (<see cref="CausalLM.Residence"/>).
    /// </summary>
    public IDisposable SwapIntoModel()
    {
        using IDisposable noGradient = no_grad();
        Tensor[] copies = AreSeparate ? [.. Entries.Select(weight => weight.Parameter.detach().DetachFromDisposeScope())] : [];
        IParameterResidence? residence = _model.Residence;
        ShardedParameters? gathered = AreSeparate && Ranks is not null && Entries.Count > 0
            ? new ShardedParameters(Ranks, ScalarType.Float32, Entries[0].Master.device, beyond: residence)
            : null;
        foreach ((_, Parameter parameter, Tensor master) in AreSeparate ? Entries : [])
        {
            if (gathered is null)
            {
                ParameterData.Set(parameter, master);
            }
            else
            {
                gathered.Add(parameter, master, parameter.shape);
            }
        }
        _model.Residence = gathered ?? residence;
        return new SwapScope(this, copies, residence);
    }

    /// <summary>Frees the float32 copies.</summary>
    public void Dispose()
    {
        if (Ranks is not null)
        {
            (_model.Residence as ShardedParameters)?.Dispose();
        }
        foreach (Tensor tensor in Entries.Select(entry => entry.Master).Concat(_frozen))
        {
            tensor.Dispose();
        }
    }

    private sealed class SwapScope(MasterWeights masters, Tensor[] copies, IParameterResidence? residence) : IDisposable
    {
        public void Dispose()
        {
            using IDisposable noGradient = no_grad();
            masters._model.Residence = residence;
            foreach (((_, Parameter parameter, _), Tensor copy) in masters.Entries.Zip(copies))
            {
                ParameterData.Set(parameter, copy);
                copy.Dispose();
            }
        }
    }
}
