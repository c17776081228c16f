namespace Skipwise.Estimation;

/// <summary>A part of a micro-batch's computation, in the order in which it is done: the forward or the backward of a block.</summary>
/// <param name="Seconds">time to compute it</param>
/// <param name="Gathered">elements of each parameter that it needs</param>
/// <param name="Completed">elements of each trained parameter whose gradient is complete afterwards, the model's last one first</param>
internal sealed record BlockPass(double Seconds, long[] Gathered, long[] Completed)
{
    /// <summary>Whether the parameters of the pass after it are asked for while it computes: between layers, not next to embedding and
    /// head.</summary>
    public bool IsFollowed { get; init; }

    /// <summary>The passes of a micro-batch: embedding, layers, head with the loss, and back.</summary>
    /// <param name="flops">of the micro-batch's step</param>
    /// <param name="batch">sequences</param>
    /// <param name="length">tokens per sequence</param>
    /// <param name="flopsPerSecond">speed of one rank</param>
    public static IReadOnlyList<BlockPass> Of(LayerSizes sizes, StepFlops flops, int batch, int length, double flopsPerSecond)
    {
        (long[] embedding, long[] trainedEmbedding) = Parameters(name => name.Contains(".embed_tokens.", StringComparison.Ordinal));
        (long[] layer, long[] trainedLayer) = Parameters(LayerSizes.IsOfLayer);
        (long[] head, long[] trainedHead) = Parameters(name =>
            !LayerSizes.IsOfLayer(name) && !name.Contains(".embed_tokens.", StringComparison.Ordinal));
        int layers = sizes.Config.NumHiddenLayers;
        double[] seconds = [.. Enumerable.Range(0, layers).Select(index =>
            flops.Layer(index, index >= sizes.Config.FirstSlidingLayer, batch, length) / flopsPerSecond)];
        // of the passes over a layer's weights, one is the forward
        double[] forward = [.. seconds.Select((all, index) => all / flops.WeightPassesOf(index))];
        double ends = (double)batch * length * flops.EndsPerToken / flopsPerSecond;
        return
        [
            new(0, embedding, []),
            .. forward.Select((time, index) => new BlockPass(time, layer, []) { IsFollowed = index < layers - 1 }),
            // a tied head is the embedding's matrix
            new(ends, sizes.Config.TieWordEmbeddings ? [.. embedding, .. head] : head, trainedHead),
            .. seconds.Zip(forward, (all, first) => new BlockPass(all - first, layer, trainedLayer))
                .Select((pass, index) => pass with { IsFollowed = index > 0 }).Reverse(),
            new(0, [], trainedEmbedding),
        ];

        (long[] All, long[] Trained) Parameters(Func<string, bool> belongs)
        {
            var all = sizes.Model.named_parameters().Where(parameter => belongs(parameter.name)).ToArray();
            return ([.. all.Select(one => one.parameter.numel())],
                [.. all.Where(one => one.parameter.requires_grad).Select(one => one.parameter.numel()).Reverse()]);
        }
    }
}
