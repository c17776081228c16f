using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>A tensor to be written into a GGUF file.</summary>
/// <param name="Name">llama.cpp's name: blk.0.attn_q.weight</param>
/// <param name="Shape">sizes, outermost first (the file stores them the other way round)</param>
/// <param name="Type">in the file</param>
/// <param name="Parts">makes blocks of rows that follow one another, of any floating type; the writer disposes each when it
/// is written</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgufType Type, Func<IEnumerable<Tensor>> Parts)
{
    /// <summary>bytes in the file, without padding</summary>
    public long Bytes => Type.Bytes(Shape);
}
