namespace Skipwise.Estimation;

/// <summary>Bytes of a model's parameters, or of what belongs to them.</summary>
/// <param name="Layer">of one layer's</param>
/// <param name="Ends">of all others: embedding, final norm, head</param>
internal readonly record struct LayerBytes(long Layer, long Ends)
{
    public long Total(int layers) => (layers * Layer) + Ends;
}
