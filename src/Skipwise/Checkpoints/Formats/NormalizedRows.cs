using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>The head of a model whose rows have length 1 (Baichuan 2's NormHead), for programs that take a head as it is.</summary>
internal static class NormalizedRows
{
    private const long PieceRows = 4096;

    /// <summary>Rows divided by their length, in float32, some at a time.</summary>
    /// <param name="head">[V, C]</param>
    public static IEnumerable<Tensor> Of(Tensor head)
    {
        for (long row = 0; row < head.shape[0]; row += PieceRows)
        {
            using Tensor piece = Piece(head, row, Math.Min(PieceRows, head.shape[0] - row)); // until the next one is asked for
            yield return piece;
        }
    }

    private static Tensor Piece(Tensor head, long first, long count)
    {
        using var scope = NewDisposeScope();
        Tensor rows = head.narrow(0, first, count).to(ScalarType.Float32);
        return (rows / rows.norm(1, keepdim: true, p: 2).clamp_min(1e-12)).MoveToOuterDisposeScope();
    }
}
