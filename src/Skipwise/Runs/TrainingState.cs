using Skipwise.Checkpoints;
using Skipwise.Checkpoints.Formats;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Runs;

/// <summary>
/// What a checkpoint holds for resuming besides the model: the optimizer state, and the float32 weights if the model's files round them.
/// The file is the same for every number of ranks and whatever is divided among them: parts are gathered one tensor at a time, and each
/// rank reads its own.
/// </summary>
internal static class TrainingState
{
    private const string WeightPrefix = "weight.";

    /// <summary>All tensors, to be enumerated by every rank. The master weights are in the model.</summary>
    public static IEnumerable<OutputTensor> Tensors(ITrainable trainable, Optimizer optimizer) =>
    [
        .. optimizer.StateTensors().Select(state =>
            new OutputTensor(state.Name, state.Shape, Gathered(state, optimizer.Masters.Ranks), state.Value.dtype)),
        .. Weights(trainable).Select(weight =>
            new OutputTensor(weight.Name, weight.Parameter.shape, Gathered(weight.Parameter, trainable.Model), weight.Parameter.dtype)),
    ];

    /// <summary>Reads them into place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a tensor is missing, or of another shape</exception>
    public static void Read(SafetensorsFile file, ITrainable trainable, Optimizer optimizer)
    {
        using IDisposable noGradient = no_grad();
        foreach (OptimizerStateTensor state in optimizer.StateTensors())
        {
            TensorEntry entry = Entry(file, state.Name, state.Shape);
            file.ReadInto(optimizer.Masters.Ranks is { } ranks ? Part(entry, state, ranks) : entry, state.Value);
        }
        foreach ((string name, Parameter parameter) in Weights(trainable))
        {
            TensorEntry entry = Entry(file, name, parameter.shape);
            if (trainable.Model.Residence is { } residence && residence.Holds(parameter))
            {
                using Tensor whole = empty(parameter.shape, parameter.dtype);
                file.ReadInto(entry, whole);
                residence.Store(parameter, whole);
            }
            else
            {
                file.ReadInto(entry, parameter);
            }
        }
    }

    private static IEnumerable<(string Name, Parameter Parameter)> Weights(ITrainable trainable) => trainable.SavingLosesPrecision
        ? trainable.Model.named_parameters().Select(p => (WeightPrefix + p.name, p.parameter))
        : [];

    private static IEnumerable<Tensor> Gathered(OptimizerStateTensor state, ICollective? ranks)
    {
        if (ranks is null)
        {
            yield return state.Value;
            yield break;
        }
        using IDisposable noGradient = no_grad();
        long perRank = new ShardLayout(state.Elements, ranks.Size).PerRank / state.PerValue;
        Tensor own = zeros(perRank, state.Value.dtype, state.Value.device), all = empty(ranks.Size * perRank, own.dtype, own.device);
        own.narrow(0, 0, state.Value.numel()).copy_(state.Value);
        ranks.AllGather(own, all);
        yield return all.narrow(0, 0, state.Shape.Aggregate(1L, (product, size) => product * size));
    }

    private static IEnumerable<Tensor> Gathered(Parameter parameter, CausalLM model)
    {
        using IDisposable? present = model.Residence?.Gather([parameter]);
        yield return parameter;
    }

    /// <summary>The values of this rank: a range of the file.</summary>
    private static TensorEntry Part(TensorEntry entry, OptimizerStateTensor state, ICollective ranks)
    {
        long start = new ShardLayout(state.Elements, ranks.Size).Start(ranks.Rank) / state.PerValue, size = entry.Type.Size;
        return entry with
        {
            Shape = state.Value.shape,
            Offset = entry.Offset + (start * size),
            Length = state.Value.numel() * size,
        };
    }

    private static TensorEntry Entry(SafetensorsFile file, string name, IReadOnlyList<long> shape) =>
        file.Tensors.TryGetValue(name, out TensorEntry? entry) && entry.Shape.SequenceEqual(shape) ? entry
            : throw new SkipwiseException(
                $"{file.Path}: tensor {name} of shape {TensorEntry.Describe(shape)} is missing; the checkpoint belongs to another model. "
                + $"Start afresh without {OptionName.Of(nameof(SaveOptions.Resume))}");
}
