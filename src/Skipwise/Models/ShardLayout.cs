using Skipwise.Kernels;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// How the elements of a tensor are divided among ranks: each has a run of consecutive elements, in the order of the ranks, all of one
/// length but for the last. The length is a multiple of a quantization block, so that blocks of 8-bit optimizers are never cut.
/// </summary>
/// <param name="Elements">of the tensor</param>
/// <param name="Ranks">number of ranks</param>
internal readonly record struct ShardLayout(long Elements, int Ranks)
{
    private const long Alignment = QuantizedMoment.BlockSize;

    /// <summary>Elements of every rank but the last ones, which may have fewer or none.</summary>
    public long PerRank => (((Elements + Ranks - 1) / Ranks) + Alignment - 1) / Alignment * Alignment;

    /// <summary>First element of a rank.</summary>
    public long Start(int rank) => Math.Min(rank * PerRank, Elements);

    /// <summary>Number of elements of a rank.</summary>
    public long Length(int rank) => Math.Min(PerRank, Elements - Start(rank));

    /// <summary>The elements of a rank: a view.</summary>
    /// <param name="whole">contiguous, <see cref="Elements"/> of them</param>
    public Tensor Part(Tensor whole, int rank)
    {
        using Tensor flat = whole.view(-1);
        return flat.narrow(0, Start(rank), Length(rank));
    }

    /// <summary>
    /// Copies a tensor into columns of a table with one row per rank, or back: row r holds the elements of rank r, and what a rank lacks to
    /// <see cref="PerRank"/> stays as it is.
    /// </summary>
    /// <param name="table">[<see cref="Ranks"/>, n]</param>
    /// <param name="column">first of <see cref="PerRank"/> columns</param>
    /// <param name="whole"><see cref="Elements"/> elements</param>
    /// <param name="intoTable">the direction</param>
    public void Copy(Tensor table, long column, Tensor whole, bool intoTable)
    {
        using var scope = NewDisposeScope();
        Tensor flat = whole.view(-1);
        long full = Elements / PerRank, rest = Elements % PerRank;
        if (full > 0)
        {
            Copy(table.narrow(0, 0, full).narrow(1, column, PerRank), flat.narrow(0, 0, full * PerRank).view(full, PerRank));
        }
        if (rest > 0)
        {
            Copy(table[full].narrow(0, column, rest), flat.narrow(0, full * PerRank, rest));
        }

        void Copy(Tensor cells, Tensor elements) => _ = intoTable ? cells.copy_(elements) : elements.copy_(cells);
    }
}
