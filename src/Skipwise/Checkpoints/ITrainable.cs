using Skipwise.Models;

namespace Skipwise.Checkpoints;

/// <summary>What a run trains, and how it lies in a folder: a whole model, or an adapter of one.</summary>
public interface ITrainable
{
    CausalLM Model { get; }

    /// <summary>Whether the files hold a narrower type than is trained in, so that resuming needs the weights besides.</summary>
    bool SavingLosesPrecision { get; }

    /// <summary>What a person should know of the files that were written last; null if nothing.</summary>
    string? SavingNote => null;

    /// <summary>Writes everything that the folder of a result holds, into one that exists. config.json says when it is complete.</summary>
    void WriteFiles(string folder);

    /// <summary>Puts such a folder's weights in place.</summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or belongs to another model</exception>
    void ReadWeights(string folder);
}
