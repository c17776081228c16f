using Skipwise.Checkpoints.HuggingFace;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// The updates of all projections that a family stores as one tensor, as the one update of that tensor which PEFT knows: with A_i [r, in]
/// and B_i [out_i, r] of n parts, A [n r, in] is the A_i one below the other, and B [out, n r] holds B_i in the rows of part i and in the
/// columns of A_i, and 0 elsewhere.
/// </summary>
/// <param name="Stored">the tensor</param>
/// <param name="Parts">the updates by the canonical name of their weight, in the order of the tensor's rows; not every part needs to have
/// one</param>
internal sealed record FusedLoraUpdate(StoredParameter Stored, IReadOnlyList<(string Weight, Tensor A, Tensor B)> Parts)
{
    public long Rank => Parts.Sum(part => part.A.size(0));

    public long[] ShapeOfA => [Rank, Stored.Shape[1]];

    public long[] ShapeOfB => [Stored.Shape[0], Rank];

    /// <returns>new tensors that the caller owns, A and B</returns>
    public (Tensor A, Tensor B) Join()
    {
        Tensor b = zeros(ShapeOfB, Parts[0].B.dtype, Parts[0].B.device);
        Exchange(b, (whole, part) => whole.copy_(part));
        return (cat([.. Parts.Select(part => part.A)]), b);
    }

    /// <summary>Gives every part its own again.</summary>
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

    /// <summary>Pairs every block of rows of the joint B with the rows of the part that belong there.</summary>
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
