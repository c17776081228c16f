using System.IO.Compression;
using System.Text;

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

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        string path = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public string WriteGzip(string name, string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
        return Write(name, packed.ToArray());
    }

    public string WriteZstandard(string name, string text)
    {
        using var packer = new ZstdSharp.Compressor();
        return Write(name, packer.Wrap(Encoding.UTF8.GetBytes(text)).ToArray());
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
