using Skipwise.Storage;

namespace Skipwise.Text;

/// <summary>The lines of a small text file, with an error that names it.</summary>
internal static class Lines
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
