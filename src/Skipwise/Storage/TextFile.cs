using System.Text;

namespace Skipwise.Storage;

/// <summary>Reads whole text files, with errors that name them.</summary>
public static class TextFile
{
    /// <exception cref="SkipwiseException">the file is missing or cannot be read</exception>
    public static string Read(string path) => InputFile.ReadText(path, FileShare.ReadWrite); // a log may still be growing

    /// <summary>A reader of any text, such as the standard input; what is not UTF-8 becomes an error when it is reached.</summary>
    /// <param name="name">what the error calls it</param>
    /// <param name="mayBeTorn">whether it may end within a character, as a log that is being written does</param>
    public static StreamReader Reader(Stream stream, string name, bool mayBeTorn = false) =>
        new(new Utf8Stream(stream, name, mayBeTorn), Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
}
