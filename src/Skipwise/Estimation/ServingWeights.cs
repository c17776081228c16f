namespace Skipwise.Estimation;

/// <summary>Weights of one precision, and the texts that fit beside them.</summary>
/// <param name="QuantizationBits">of the layers' matrices; null: not quantized</param>
/// <param name="Bytes">embedding and head included</param>
/// <param name="Texts">how many texts of the context length fit at the same time, for each type of cache</param>
public sealed record ServingWeights(int? QuantizationBits, long Bytes, IReadOnlyList<long> Texts);
