using Skipwise.Models;

namespace Skipwise.Checkpoints;

/// <summary>The object that a run trains and saves in a folder: a whole model or an adapter.</summary>
public interface ITrainable
{
    /// <summary>The model, with its adapters if it has any.</summary>
    CausalLM Model { get; }

    /// <summary>Whether the files' type is smaller than the training type, so that resuming needs the exact weights in addition.</summary>
    bool SavingLosesPrecision { get; }

    /// <summary>A note for the user about the files that were written last, or null.</summary>
    string? SavingNote => null;

    /// <summary>Writes all files of a result into an existing folder. config.json is written last and marks it complete.</summary>
    void WriteFiles(string folder);

    /// <summary>Takes part in gathering what another rank writes by <see cref="WriteFiles"/>; writes nothing.</summary>
    void TakePartInWriting() { }

    /// <summary>
    /// Writes this rank's part of the files of <see cref="WriteFiles"/>. Every rank calls it; the parts together are all files.
    /// </summary>
    /// <param name="folder">an existing folder, the same for all ranks</param>
    /// <param name="rank">number of this rank</param>
    /// <param name="ranks">number of ranks</param>
    /// <returns>names of the files that this rank has written; rank 0, which lists the folder, need not name its own</returns>
    internal IReadOnlyList<string> WritePart(string folder, int rank, int ranks)
    {
        if (rank > 0)
        {
            TakePartInWriting();
            return [];
        }
        WriteFiles(folder);
        return [];
    }

    /// <summary>Loads the weights of such a folder.</summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or belongs to another model</exception>
    void ReadWeights(string folder);
}
