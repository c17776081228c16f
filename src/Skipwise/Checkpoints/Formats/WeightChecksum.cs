using System.Text;
using Skipwise.Hub;
using Skipwise.Storage;
using static System.FormattableString;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// A checksum of a folder's weights, independent of its path: 16 hexadecimal digits from the sizes and CRC-32C of the files, in the order
/// of their names. The files are read completely.
/// </summary>
internal static class WeightChecksum
{
    /// <summary>The checksum of a model's weights.</summary>
    /// <param name="model">see <see cref="WeightFiles.Open(string, bool)"/></param>
    /// <exception cref="SkipwiseException">a file cannot be read</exception>
    public static string OfModel(string model)
    {
        using WeightFiles weights = WeightFiles.Open(model);
        return Compute(weights.Paths);
    }

    /// <summary>The checksum of an adapter.</summary>
    /// <param name="folder">of an adapter in PEFT's layout</param>
    /// <exception cref="SkipwiseException">a file cannot be read</exception>
    public static string OfAdapter(string folder) => Compute(Directory.EnumerateFiles(ModelFolder.Resolve(folder), "adapter_*"));

    private static string Compute(IEnumerable<string> paths)
    {
        var lines = new StringBuilder();
        foreach (string path in paths.OrderBy(Path.GetFileName, StringComparer.Ordinal))
        {
            try
            {
                FileChecksum file = FileChecksum.Compute(path);
                lines.Append(Invariant($"{file.Bytes} {file.Crc32c}\n"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be read: {e.Message}. Check the path", e);
            }
        }
        return ContentHash.OfText(lines.ToString());
    }
}
