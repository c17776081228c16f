using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>A tensor of an optimizer's state.</summary>
/// <param name="Name">in a checkpoint</param>
/// <param name="Value">this rank's part, if the weights are divided; else all</param>
/// <param name="Shape">of all</param>
/// <param name="Elements">of the parameter that it belongs to</param>
/// <param name="PerValue">elements of the parameter per value: 1, or the length of a block with one scale</param>
internal sealed record OptimizerStateTensor(string Name, Tensor Value, IReadOnlyList<long> Shape, long Elements, int PerValue);
