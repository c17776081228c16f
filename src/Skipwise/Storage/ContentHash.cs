using System.Security.Cryptography;
using System.Text;

namespace Skipwise.Storage;

/// <summary>Identifies texts, and files by their content, independent of their names.</summary>
internal static class ContentHash
{
    /// <summary>A hash of 16 hexadecimal digits of a text: the first ones of its SHA-256.</summary>
    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    /// <summary>
    /// A hash of 16 hexadecimal digits of the content of files, and of all files in folders, in ordinal order of their paths. Links are
    /// followed; each file of a folder counts once.
    /// </summary>
    /// <exception cref="SkipwiseException">a path is missing or cannot be read</exception>
    public static string Compute(IEnumerable<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = new byte[1 << 20];
        foreach (string path in paths)
        {
            try
            {
                IEnumerable<string> files = Directory.Exists(path)
                    ? FolderFiles.Distinct(path, _ => true).Select(file => Path.Combine(path, file.Path))
                    : [path];
                foreach (string file in files)
                {
                    using FileStream stream = InputFile.Open(file);
                    hash.AppendData(BitConverter.GetBytes(stream.Length)); // separates one file from the next
                    for (int read; (read = stream.Read(block)) > 0;)
                    {
                        hash.AppendData(block, 0, read);
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be read: {e.Message}. Check the path", e);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }
}
