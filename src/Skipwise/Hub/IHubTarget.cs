using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>Where downloaded files are put. Safe for several files at once.</summary>
internal interface IHubTarget
{
    /// <summary>the folder that is a model when all files are there</summary>
    string Folder { get; }

    /// <summary>Takes a file for this process alone, until it is disposed; waits for another process that has it.</summary>
    Task<IDisposable?> Claim(HubFile file, CancellationToken stop);

    /// <summary>Whether the file is there already, as far as can be told without the network.</summary>
    bool Has(HubFile file, CancellationToken stop);

    /// <summary>Whether a file of that name and size is there, without a look at its content.</summary>
    bool IsThere(HubFile file);

    /// <summary>Bytes that an earlier process has left of a file.</summary>
    long PartialBytes(HubFile file);

    /// <summary>Name of the file while it is incomplete. A killed process leaves it, and the next one goes on with it.</summary>
    /// <param name="mayCopy">whether it may begin with a copy of the same file from elsewhere</param>
    string PartialOf(HubFile file, bool mayCopy, CancellationToken stop);

    /// <summary>Gives a complete and checked file its name, or its place in the folder if it was there.</summary>
    /// <param name="checksum">of the content that was written; null if the file was there</param>
    void Complete(HubFile file, FileChecksum? checksum);

    /// <summary>All files are in place.</summary>
    void Finish();
}
