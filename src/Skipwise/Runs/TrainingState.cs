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
/// exchange. Each rank reads what it keeps of each tensor, from whatever files there are.
/// </summary>
internal static class TrainingState
{
    private const string WeightPrefix = "weight.";

    /// <summary>All tensors, of which this process has all elements. The master weights are in the model.</summary>
    public static IEnumerable<OutputTensor> Tensors(ITrainable trainable, Optimizer optimizer) =>
    [
        .. optimizer.StateTensors().Select(state => new OutputTensor(state.Name, state.Shape, [state.Value], state.Value.dtype)),
        .. Weights(trainable, optimizer).Select(weight => Whole(weight.Name, weight.Parameter)),
    ];

    /// <summary>This rank's elements of all tensors, each as a vector. Tensors of which it has none are left out.</summary>
    public static IEnumerable<OutputTensor> Parts(ITrainable trainable, Optimizer optimizer)
    {
        OutputTensor[] all =
        [
            .. optimizer.StateTensors().Select(state => Whole(state.Name, state.Value)),
            .. Weights(trainable, optimizer).Select(weight => Whole(weight.Name, weight.Master)),
        ];
        return all.Where(tensor => tensor.Bytes > 0);
    }

    /// <summary>Reads them into place, to the last bit.</summary>
    /// <exception cref="SkipwiseException">a tensor is missing, or of another shape</exception>
    public static void Read(StateFiles files, ITrainable trainable, Optimizer optimizer)
    {
        using IDisposable noGradient = no_grad();
        ICollective? ranks = optimizer.Masters.Ranks;
        long Start(long elements) => ranks is null ? 0 : new ShardLayout(elements, ranks.Size).Start(ranks.Rank);
        foreach (OptimizerStateTensor state in optimizer.StateTensors())
        {
            files.Read(state.Name, state.Shape, Start(state.Elements) / state.PerValue, state.Value);
        }
        foreach ((string name, Parameter parameter, Tensor master) in Weights(trainable, optimizer))
        {
            bool isDivided = trainable.Model.Residence?.Holds(parameter) == true;
            files.Read(name, parameter.shape, isDivided ? Start(parameter.numel()) : 0, isDivided ? master : parameter);
        }
    }

    /// <summary>Trained weights that the model's files round. The files hold a frozen one exactly: it is as it was read.</summary>
    private static IEnumerable<(string Name, Parameter Parameter, Tensor Master)> Weights(ITrainable trainable, Optimizer optimizer) =>
        trainable.SavingLosesPrecision
            ? optimizer.Masters.Entries.Select(entry => (WeightPrefix + entry.Name, entry.Parameter, entry.Master))
            : [];

    private static OutputTensor Whole(string name, Tensor value) => new(name, value.shape, [value], value.dtype);
}
