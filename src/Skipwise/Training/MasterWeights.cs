using Skipwise.Models;
using Skipwise.Models.Lora;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>
/// The float32 weights that an optimizer updates. A model may compute in half precision, in which an update of 1e-5 of a weight is rounded
/// away (Micikevicius et al. 2018), or on another device: then the master weights are separate tensors, and the model holds copies.
/// Otherwise they are the model's own weights.
/// </summary>
public sealed class MasterWeights : IDisposable
{
    private MasterWeights(CausalLM model, bool areApart)
    {
        AreSeparate = areApart;
        Entries = [.. model.named_parameters().Where(p => p.parameter.requires_grad)
            .Select(p => (p.name, p.parameter, p.parameter.detach().DetachFromDisposeScope()))];
    }

    /// <summary>Whether the model computes with copies.</summary>
    public bool AreSeparate { get; }

    /// <summary>Trained parameters, each with its float32 weight.</summary>
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

    /// <summary>Copies the master weights to the model, rounded to its type.</summary>
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
                parameter.copy_(master);
            }
        }
    }

    /// <summary>Makes the master weights the model's own until the result is disposed: for saving, or for reading.</summary>
    public IDisposable SwapIntoModel()
    {
        using IDisposable noGradient = no_grad();
        Tensor[] copies = AreSeparate ? [.. Entries.Select(weight => weight.Parameter.detach().DetachFromDisposeScope())] : [];
        foreach ((_, Parameter parameter, Tensor master) in AreSeparate ? Entries : [])
        {
            ParameterData.Set(parameter, master);
        }
        return new SwapScope(this, copies);
    }

    /// <summary>Frees the float32 copies.</summary>
    public void Dispose()
    {
        foreach ((_, _, Tensor master) in Entries)
        {
            master.Dispose();
        }
    }

    private sealed class SwapScope(MasterWeights masters, Tensor[] copies) : IDisposable
    {
        public void Dispose()
        {
            using IDisposable noGradient = no_grad();
            foreach (((_, Parameter parameter, _), Tensor copy) in masters.Entries.Zip(copies))
            {
                ParameterData.Set(parameter, copy);
                copy.Dispose();
            }
        }
    }
}
