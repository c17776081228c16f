using Skipwise.Checkpoints.HuggingFace;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// The LoRA weights of projections that a family stores as one fused tensor, combined to PEFT's single adapter of that tensor.
/// With A_i [r, in] and B_i [out_i, r] of n parts, A [n r, in] concatenates the A_i, and B [out, n r] has B_i in the rows of part i and
/// the columns of A_i, and 0 elsewhere.
/// </summary>
/// <param name="Stored">the fused tensor</param>
/// <param name="Parts">the factors by the canonical name of their weight, in the order of the tensor's rows; parts may lack them</param>
internal sealed record FusedLoraUpdate(StoredParameter Stored, IReadOnlyList<(string Weight, Tensor A, Tensor B)> Parts)
{
    public long Rank => Parts.Sum(part => part.A.size(0));

    public long[] ShapeOfA => [Rank, Stored.Shape[1]];

    public long[] ShapeOfB => [Stored.Shape[0], Rank];

    /// <summary>Combines the parts' factors.</summary>
    /// <returns>new tensors A and B, which the caller owns</returns>
    public (Tensor A, Tensor B) Join()
    {
        Tensor b = zeros(ShapeOfB, Parts[0].B.dtype, Parts[0].B.device);
        Exchange(b, (whole, part) => whole.copy_(part));
        return (cat([.. Parts.Select(part => part.A)]), b);
    }

    /// <summary>Copies the combined factors back to the parts.</summary>
    /// <param name="a">of <see cref="ShapeOfA"/></param>
    /// <param name="b">of <see cref="ShapeOfB"/></param>
    public void Separate(Tensor a, Tensor b)
    {
        long row = 0;
        foreach ((_, Tensor part, _) in Parts)
        {
            part.copy_(a.narrow(0, row, part.size(0)));
            row += part.size(0);
        }
        Exchange(b, (whole, part) => part.copy_(whole));
    }

    /// <summary>Copies between every block of rows of the combined B and the corresponding rows of the parts.</summary>
    private void Exchange(Tensor b, Action<Tensor, Tensor> copy)
    {
        using var scope = NewDisposeScope();
        long row = 0;
        foreach (RowBlock block in Stored.Blocks)
        {
            long column = 0;
            foreach ((string weight, _, Tensor part) in Parts)
            {
                if (weight == block.Canonical)
                {
                    copy(b.narrow(0, row, block.Rows).narrow(1, column, part.size(1)), part.narrow(0, block.FirstRow, block.Rows));
                }
                column += part.size(1);
            }
            row += block.Rows;
        }
    }
}
