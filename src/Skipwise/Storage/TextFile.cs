using System.Text;

namespace Skipwise.Storage;

/// <summary>Reads text files; errors name them.</summary>
internal static class TextFile
{
    /// <summary>Reads a whole file.</summary>
    /// <exception cref="SkipwiseException">the file is missing or cannot be read</exception>
    public static string Read(string path) => InputFile.ReadText(path, FileShare.ReadWrite); // a log may still be growing

    /// <summary>A reader of any text, such as the standard input. Invalid UTF-8 is an error when it is reached.</summary>
    /// <param name="name">its name in errors</param>
    /// <param name="mayBeTorn">whether it may end within a character, like a log that is being written</param>
    public static StreamReader Reader(Stream stream, string name, bool mayBeTorn = false) =>
        new(new Utf8Stream(stream, name, mayBeTorn), Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
}
