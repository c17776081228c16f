namespace Skipwise.Tests;

/// <summary>A folder of its own for one test, gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("skipwise-test-").FullName;

    /// <summary>Path of a file or folder inside.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Copies a fixture's files into a new folder of that name.</summary>
    public string Copy(string fixture, string name)
    {
        Directory.CreateDirectory(this[name]);
        foreach (string file in Directory.EnumerateFiles(fixture))
        {
            File.Copy(file, System.IO.Path.Combine(this[name], System.IO.Path.GetFileName(file)));
        }
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
