namespace Skipwise.Estimation;

/// <summary>Bytes of a model's parameters, or of tensors that belong to them.</summary>
/// <param name="Layer">of one layer</param>
/// <param name="Ends">of all other parameters: embedding, final norm, head</param>
internal readonly record struct LayerBytes(long Layer, long Ends)
{
    public static LayerBytes operator +(LayerBytes a, LayerBytes b) => new(a.Layer + b.Layer, a.Ends + b.Ends);

    public static LayerBytes Sum(IEnumerable<(bool IsOfLayer, long Bytes)> parts)
    {
        ILookup<bool, long> sizes = parts.ToLookup(part => part.IsOfLayer, part => part.Bytes);
        return new(sizes[true].Sum(), sizes[false].Sum());
    }

    public long Total(int layers) => (layers * Layer) + Ends;
}
