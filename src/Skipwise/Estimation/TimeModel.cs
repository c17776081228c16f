namespace Skipwise.Estimation;

/// <summary>Time of a training step at any batch and length, scaled from one profiled step by FLOPs.</summary>
/// <param name="PerLayerFlop">time of the layers per FLOP</param>
/// <param name="EndsPerToken">time of embedding, head and loss per token</param>
/// <param name="Update">time of one optimizer step of the whole model</param>
internal sealed record TimeModel(StepFlops Flops, ComputeTime PerLayerFlop, ComputeTime EndsPerToken, ComputeTime Update)
{
    public ComputeTime Step(int batch, int length, int accumulation) =>
        (accumulation * ((Flops.Layers(batch, length) * PerLayerFlop) + ((double)batch * length * EndsPerToken))) + Update;
}
