namespace Skipwise;

/// <summary>The name of a file or folder, or a list of them: never empty, since joined to another name it would quietly stand for the
/// current folder.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PathNameAttribute : Attribute;
