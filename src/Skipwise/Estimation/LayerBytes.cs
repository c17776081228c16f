namespace Skipwise.Estimation;

/// <summary>Bytes of a model's parameters, or of tensors that belong to them.</summary>
/// <param name="Layer">of one layer</param>
/// <param name="Ends">of all other parameters: embedding, final norm, head</param>
internal readonly record struct LayerBytes(long Layer, long Ends)
{
    public long Total(int layers) => (layers * Layer) + Ends;
}
