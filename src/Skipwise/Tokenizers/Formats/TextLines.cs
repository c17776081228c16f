using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>The lines of a small text file, with an error that names it.</summary>
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
