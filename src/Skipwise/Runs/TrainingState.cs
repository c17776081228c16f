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
/// One process writes one file of whole tensors. Where they are divided among ranks, each rank writes a file of its parts, without an
/// exchange. Each rank reads its elements of each tensor, from whatever files there are.
/// </summary>
internal static class TrainingState
{
    private const string WeightPrefix = "weight.";

    /// <summary>All tensors, of which this process has all elements. The master weights are in the model.</summary>
    public static IEnumerable<OutputTensor> Tensors(ITrainable trainable, Optimizer optimizer) =>
    [
        .. optimizer.StateTensors().Select(state => new OutputTensor(state.Name, state.Shape, [state.Value], state.Value.dtype)),
        .. Weights(trainable).Select(weight => Whole(weight.Name, weight.Parameter)),
    ];

    /// <summary>This rank's elements of all tensors, each as a vector. Tensors of which it has none are left out.</summary>
    public static IEnumerable<OutputTensor> Parts(ITrainable trainable, Optimizer optimizer)
    {
        ICollective ranks = optimizer.Masters.Ranks!;
        var masters = optimizer.Masters.Entries.ToDictionary(entry => entry.Name, entry => entry.Master);
        OutputTensor[] all =
        [
            .. optimizer.StateTensors().Select(state => Whole(state.Name, state.Value)),
            .. Weights(trainable).Select(weight => masters.TryGetValue(weight.Name[WeightPrefix.Length..], out Tensor? master)
                ? Whole(weight.Name, master)
                : new OutputTensor(weight.Name, [new ShardLayout(weight.Parameter.numel(), ranks.Size).Length(ranks.Rank)],
                    Frozen(weight.Parameter, trainable.Model, ranks), weight.Parameter.dtype)),
        ];
        return all.Where(tensor => tensor.Bytes > 0);
    }

    /// <summary>Reads them into place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a tensor is missing, or of another shape</exception>
    public static void Read(StateFiles files, ITrainable trainable, Optimizer optimizer)
    {
        using IDisposable noGradient = no_grad();
        foreach (OptimizerStateTensor state in optimizer.StateTensors())
        {
            long start = optimizer.Masters.Ranks is { } ranks
                ? new ShardLayout(state.Elements, ranks.Size).Start(ranks.Rank) / state.PerValue : 0;
            files.Read(state.Name, state.Shape, start, state.Value);
        }
        foreach ((string name, Parameter parameter) in Weights(trainable))
        {
            if (trainable.Model.Residence is { } residence && residence.Holds(parameter))
            {
                using Tensor whole = empty(parameter.shape, parameter.dtype);
                files.Read(name, parameter.shape, 0, whole);
                residence.Store(parameter, whole);
            }
            else
            {
                files.Read(name, parameter.shape, 0, parameter);
            }
        }
    }

    private static IEnumerable<(string Name, Parameter Parameter)> Weights(ITrainable trainable) => trainable.SavingLosesPrecision
        ? trainable.Model.named_parameters().Select(p => (WeightPrefix + p.name, p.parameter))
        : [];

    private static OutputTensor Whole(string name, Tensor value) => new(name, value.shape, [value], value.dtype);

    private static IEnumerable<Tensor> Frozen(Parameter parameter, CausalLM model, ICollective ranks)
    {
        using IDisposable? present = model.Residence?.Gather([parameter]);
        yield return new ShardLayout(parameter.numel(), ranks.Size).Part(parameter, ranks.Rank);
    }
}
