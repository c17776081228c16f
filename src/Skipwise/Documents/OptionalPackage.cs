using System.Reflection;

namespace Skipwise.Documents;

/// <summary>An optional package, which a program adds if it needs it: loading a model does not require Arrow.</summary>
internal static class OptionalPackage
{
    /// <summary>Looks whether a package's assembly is there.</summary>
    /// <param name="name">of the package and of its assembly</param>
    /// <param name="path">the file that needs it</param>
    /// <param name="what">kind of file, plural: "Parquet files"</param>
    /// <exception cref="SkipwiseException">it is not: names the package to add</exception>
    public static void Require(string name, string path, string what)
    {
        try
        {
            Assembly.Load(name);
        }
        catch (FileNotFoundException)
        {
            throw new SkipwiseException($"{path}: {what} are read by the package {name}, which this program lacks. Add it to the project");
        }
    }
}
