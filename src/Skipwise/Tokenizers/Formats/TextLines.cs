using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>Reads the lines of a small text file; errors name the file.</summary>
internal static class TextLines
{
    public static string[] Read(string path)
    {
        using var reader = new StringReader(InputFile.ReadText(path));
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line);
        }
        return [.. lines];
    }
}
