namespace Skipwise.Estimation;

/// <summary>What a training step takes at any batch and length, scaled from one probe by floating-point operations.</summary>
/// <param name="PerLayerFlop">time of the layers, by their operations</param>
/// <param name="EndsPerToken">time of embedding, head and loss</param>
/// <param name="Update">time of one optimizer step of the whole model</param>
internal sealed record TimeModel(StepFlops Flops, ComputeTime PerLayerFlop, ComputeTime EndsPerToken, ComputeTime Update)
{
    public ComputeTime Step(int batch, int length, int accumulation) =>
        (accumulation * ((Flops.Layers(batch, length) * PerLayerFlop) + ((double)batch * length * EndsPerToken))) + Update;
}
