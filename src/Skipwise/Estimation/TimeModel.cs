namespace Skipwise.Estimation;

/// <summary>Time of a training step at any batch and length, from profiled steps of one layer.</summary>
/// <param name="PerWeightPass">time of the layers that does not depend on the tokens, per pass over a layer's weights: reading or
/// dequantizing them</param>
/// <param name="PerLayerFlop">time of the layers per FLOP</param>
/// <param name="Ends">time of embedding, head and loss that does not depend on the tokens</param>
/// <param name="EndsPerToken">time of embedding, head and loss per token</param>
/// <param name="Update">time of one optimizer step of the whole model</param>
internal sealed record TimeModel(
    StepFlops Flops, ComputeTime PerWeightPass, ComputeTime PerLayerFlop, ComputeTime Ends, ComputeTime EndsPerToken, ComputeTime Update)
{
    /// <param name="accumulation">micro-batches of [batch, length] per optimizer step</param>
    public ComputeTime Step(int batch, int length, int accumulation)
    {
        ComputeTime layers = (Flops.WeightPasses * PerWeightPass) + (Flops.Layers(batch, length) * PerLayerFlop);
        return (accumulation * (layers + Ends + ((double)batch * length * EndsPerToken))) + Update;
    }
}
