namespace Skipwise.Cli.Results;

/// <summary>A model as a file for another program.</summary>
/// <param name="Out">the file</param>
/// <param name="Architecture">its name in the file</param>
/// <param name="Dtype">type of the matrices: f32, f16, bf16, q8_0 or q4_0</param>
/// <param name="Tensors">tensors in the file</param>
/// <param name="Bytes">of the file</param>
internal sealed record ExportedFile(string Out, string Architecture, string Dtype, int Tensors, long Bytes);
