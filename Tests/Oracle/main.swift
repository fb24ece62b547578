import AsyncIOTesting
print("oracle")
