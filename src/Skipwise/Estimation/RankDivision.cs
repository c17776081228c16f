using Skipwise.Training;

namespace Skipwise.Estimation;

/// <summary>How a training step is divided among ranks, and what they exchange (Rajbhandari et al. 2020, section 7).</summary>
/// <param name="Ranks">number of ranks</param>
/// <param name="Shard">what each has a part of</param>
internal readonly record struct RankDivision(int Ranks, Shard Shard)
{
    /// <summary>One process.</summary>
    public static RankDivision None => new(1, Shard.None);

    /// <summary>Whether there are several ranks, whose gradients are added up in float32.</summary>
    public bool Exchanges => Ranks > 1;

    /// <summary>Whether a layer's parameters are there only while it computes.</summary>
    public bool DividesParameters => Exchanges && Shard == Shard.Parameters;

    /// <summary>Whether a rank gets its part alone of the sums of gradients.</summary>
    public bool DividesSums => Shard != Shard.None;

    /// <summary>Whether a rank keeps its part alone of a layer's gradients, once they are complete.</summary>
    /// <param name="accumulation">micro-batches of each rank</param>
    public bool DividesGradients(int accumulation) =>
        Exchanges && (Shard >= Shard.Gradients || (Shard == Shard.Optimizer && accumulation == 1));

    /// <summary>Bytes that a rank has of the optimizer state.</summary>
    public long OptimizerPart(long bytes) => Exchanges && Shard >= Shard.Optimizer ? PartOf(bytes) : bytes;

    /// <summary>A rank's part.</summary>
    public long PartOf(long bytes) => (bytes + Ranks - 1) / Ranks;

    /// <summary>Divided parameters are not kept by the graphs of layers: each is computed again.</summary>
    public int RecomputeEvery(int asked) => DividesParameters ? 1 : asked;

    /// <summary>Bytes that a rank sends in a step: a ring moves (n - 1) / n of a tensor for a reduce-scatter or an all-gather.</summary>
    /// <param name="accumulation">micro-batches of each rank</param>
    public long BytesSent(LayerSizes sizes, int accumulation)
    {
        if (!Exchanges)
        {
            return 0;
        }
        int layers = sizes.Config.NumHiddenLayers;
        long trained = sizes.Trained.Total(layers), gradients = trained / sizes.Width * sizeof(float);
        // of a layer forward and backward; the ends once each, a tied one at both ends
        long gathered = (2 * layers * sizes.Weights.Layer) + (sizes.Weights.Ends * (sizes.Config.TieWordEmbeddings ? 2 : 1));
        long moved = Shard switch
        {
            Shard.None => 2 * gradients,
            Shard.Optimizer => gradients + trained,
            Shard.Gradients => (gradients * accumulation) + trained,
            _ => (gradients + gathered) * accumulation,
        };
        return (long)(moved * ((Ranks - 1.0) / Ranks));
    }
}
